//! QuantizeLinear and DequantizeLinear as plain arithmetic, in place of tract's own.
//!
//! What stands between the two tract puts into a table, value by value, and does so with a softmax too, which looks at
//! all of a row at once: it then refuses the model, or answers wrongly. And it knows 8 bits alone.

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_core::ops::math::{add, div, max, min, mul, round_half_to_even, sub};
use tract_onnx::tract_hir::internal::*;

/// Has `engine` read both operators as they are here.
pub fn register(engine: &mut Onnx) {
    engine.op_register.insert("QuantizeLinear", quantise);
    engine.op_register.insert("DequantizeLinear", dequantise);
}

type Operator = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

fn quantise(_: &ParsingContext, node: &NodeProto) -> Operator {
    Ok((expand(Quantise(axis(node)?)), Vec::new()))
}

fn dequantise(_: &ParsingContext, node: &NodeProto) -> Operator {
    Ok((expand(Dequantise(axis(node)?)), Vec::new()))
}

/// Of scales and zero points where there are several.
fn axis(node: &NodeProto) -> TractResult<i64> {
    let block = node.get_attr_opt::<i64>("block_size")?.unwrap_or(0);
    ensure!(
        block == 0,
        "{} in blocks of {block} is not supported: quantise by tensor or by channel",
        node.op_type
    );
    Ok(node.get_attr_opt("axis")?.unwrap_or(1))
}

/// round(x / scale) + zero point, within the range of the zero point's type.
#[derive(Debug, Clone)]
struct Quantise(i64);

impl Expansion for Quantise {
    fn name(&self) -> StaticName {
        "QuantizeLinear".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let ([x, _, zero @ ..], [y]) = (inputs, outputs) else {
            bail!("QuantizeLinear takes two or three inputs and gives one output");
        };
        match zero.first() {
            Some(zero) => solver.equals(&y.datum_type, &zero.datum_type)?,
            None => solver.equals(&y.datum_type, u8::datum_type())?,
        }
        solver.equals(&x.shape, &y.shape)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let constants = Constants::new(self.0, prefix, model, inputs)?;
        let kind = constants.kind;
        let (lowest, highest) = match kind {
            DatumType::U8 => (f32::from(u8::MIN), f32::from(u8::MAX)),
            DatumType::I8 => (f32::from(i8::MIN), f32::from(i8::MAX)),
            DatumType::U16 => (f32::from(u16::MIN), f32::from(u16::MAX)),
            DatumType::I16 => (f32::from(i16::MIN), f32::from(i16::MAX)),
            kind => bail!("QuantizeLinear to {kind:?} is not supported: quantise to 8 or 16 bits"),
        };
        let Constants { x, scale, zero, .. } = constants;
        let rank = model.outlet_fact(x)?.rank();
        let mut bound = |name: &str, value: f32| {
            let value = tensor0(value).broadcast_into_rank(rank)?;
            model.add_const(format!("{prefix}.{name}"), value)
        };
        let (lowest, highest) = (bound("lowest", lowest)?, bound("highest", highest)?);
        let mut then = |name: &str, operator: Box<dyn TypedOp>, inputs: &[OutletId]| {
            one(model.wire_node(format!("{prefix}.{name}"), operator, inputs)?)
        };
        let y = then("scaled", Box::new(div()), &[x, scale])?;
        let y = then("rounded", Box::new(round_half_to_even()), &[y])?;
        let y = then("shifted", Box::new(add()), &[y, zero])?;
        let y = then("from-lowest", Box::new(max()), &[y, lowest])?;
        let y = then("to-highest", Box::new(min()), &[y, highest])?;
        model.wire_node(prefix, cast(kind), &[y])
    }
}

/// (x - zero point) x scale.
#[derive(Debug, Clone)]
struct Dequantise(i64);

impl Expansion for Dequantise {
    fn name(&self) -> StaticName {
        "DequantizeLinear".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let ([x, _, ..], [y]) = (inputs, outputs) else {
            bail!("DequantizeLinear takes two or three inputs and gives one output");
        };
        solver.equals(&y.datum_type, f32::datum_type())?;
        solver.equals(&x.shape, &y.shape)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let Constants { x, scale, zero, .. } = Constants::new(self.0, prefix, model, inputs)?;
        let y = one(model.wire_node(format!("{prefix}.shifted"), sub(), &[x, zero])?)?;
        model.wire_node(prefix, mul(), &[y, scale])
    }
}

/// What both take, in floats.
struct Constants {
    x: OutletId,
    scale: OutletId,
    zero: OutletId,
    /// The type of the integers.
    kind: DatumType,
}

impl Constants {
    fn new(axis: i64, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<Constants> {
        let [x, scale, zero @ ..] = inputs else {
            bail!("no scale to quantise by");
        };
        let rank = model.outlet_fact(*x)?.rank();
        let constant = |model: &TypedModel, outlet: OutletId| {
            let constant = model.outlet_fact(outlet)?.konst.clone();
            constant.context("a scale or zero point that is no constant: fold constants when the model is exported")
        };
        let scale = constant(model, *scale)?;
        let zero = match zero.first() {
            Some(zero) => constant(model, *zero)?,
            None => rctensor0(0u8),
        };
        let x = one(model.wire_node(format!("{prefix}.floats"), cast(f32::datum_type()), &[*x])?)?;
        let mut floats = |name: &str, constant: &Tensor| {
            let mut shape: TVec<usize> = tvec![1; rank];
            if constant.len() > 1 {
                let place = if axis < 0 { axis + rank as i64 } else { axis };
                let length = usize::try_from(place).ok().and_then(|place| shape.get_mut(place));
                *length.with_context(|| format!("axis {axis} of {rank} axes to quantise by"))? = constant.len();
            }
            let constant = constant.cast_to::<f32>()?.into_owned().into_shape(&shape)?;
            model.add_const(format!("{prefix}.{name}"), constant)
        };
        Ok(Constants {
            x,
            scale: floats("scale", &scale)?,
            zero: floats("zero", &zero)?,
            kind: zero.datum_type(),
        })
    }
}

/// The output of an operator that has one.
fn one(outputs: TVec<OutletId>) -> TractResult<OutletId> {
    outputs.first().copied().context("an operator without an output")
}
