//! What a component exports of the contract: `messages` always, every other interface where it has it.

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{AsContextMut, Result};

use super::bindings::exports::image_stream::classifier::{messages, model, self_test, tensors};
use super::state::State;

/// A linked component, and where its exports are.
pub(super) struct Exports {
    pre: InstancePre<State>,
    messages: messages::GuestIndices,
    model: Option<model::GuestIndices>,
    tensors: Option<tensors::GuestIndices>,
    self_test: Option<self_test::GuestIndices>,
}

/// An instance's exports.
pub(super) struct Guest {
    pub(super) messages: messages::Guest,
    pub(super) model: Option<model::Guest>,
    pub(super) tensors: Option<tensors::Guest>,
    pub(super) self_test: Option<self_test::Guest>,
}

impl Exports {
    /// Those of a component that [`super::contract`] has checked: what is there has the right types. wasmtime finds an interface of
    /// any compatible version, by the rule of [`super::version`].
    pub(super) fn find(linker: &Linker<State>, component: &Component) -> Result<Self> {
        let pre = linker.instantiate_pre(component)?;
        Ok(Self {
            messages: messages::GuestIndices::new(&pre)?,
            model: model::GuestIndices::new(&pre).ok(),
            tensors: tensors::GuestIndices::new(&pre).ok(),
            self_test: self_test::GuestIndices::new(&pre).ok(),
            pre,
        })
    }

    pub(super) fn engine(&self) -> &wasmtime::Engine {
        self.pre.engine()
    }

    /// Whether it takes pixels without a format around them.
    pub(super) fn has_tensors(&self) -> bool {
        self.tensors.is_some()
    }

    /// A fresh instance.
    pub(super) async fn instantiate(&self, mut store: impl AsContextMut<Data = State>) -> Result<Guest> {
        let instance = self.pre.instantiate_async(&mut store).await?;
        let model = self.model.as_ref().map(|model| model.load(&mut store, &instance));
        let tensors = self.tensors.as_ref().map(|tensors| tensors.load(&mut store, &instance));
        let self_test = self.self_test.as_ref().map(|test| test.load(&mut store, &instance));
        Ok(Guest {
            messages: self.messages.load(&mut store, &instance)?,
            model: model.transpose()?,
            tensors: tensors.transpose()?,
            self_test: self_test.transpose()?,
        })
    }
}
