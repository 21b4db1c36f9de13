//! A model given with `--model`, and a component's description, which counts only once it is checked.

use std::io::Write;
use std::num::NonZeroUsize;

use host::classifier::{Classifier, ClassifierConfig, ComponentError};
use host::pipeline::ClassifyError;
use tempfile::NamedTempFile;

use crate::components::component;
use crate::timeout::impatient;
use crate::{Puppet, config};

/// A model that the puppet obeys when it is loaded.
fn model(command: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    write!(file, "puppet-model:{command}").unwrap();
    file
}

fn with_model(mut config: ClassifierConfig, model: &NamedTempFile) -> ClassifierConfig {
    config.model = Some(model.path().to_owned());
    config
}

async fn refused(config: ClassifierConfig, command: &str) -> ComponentError {
    let model = model(command);
    let config = with_model(config, &model);
    Classifier::start(&config).await.err().expect(command)
}

#[tokio::test]
async fn a_model_takes_the_place_of_the_built_in_one() {
    let built_in = Puppet::start().await;
    assert_eq!(built_in.0.description().name, "puppet");
    assert_eq!(built_in.ask("model").await, "puppet");

    let model = model("named:another");
    let puppet = Puppet::start_with(with_model(config(component("puppet")), &model)).await;
    assert_eq!(puppet.0.description().name, "another");
    assert_eq!(puppet.ask("model").await, "another");
}

#[tokio::test]
async fn a_fresh_instance_has_the_model_that_was_given_though_its_file_is_gone() {
    let model = model("named:another");
    let puppet = Puppet::start_with(with_model(config(component("puppet")), &model)).await;
    drop(model);
    puppet.fail("trap").await;
    assert_eq!(puppet.ask("model").await, "another");
}

#[tokio::test]
async fn labels_that_are_given_reach_the_component_and_are_the_ones_that_it_uses() {
    let mut labels = NamedTempFile::new().unwrap();
    labels.write_all(b"up\ndown\n").unwrap();
    let given = |command: &str| {
        let model = model(command);
        let mut config = with_model(config(component("puppet")), &model);
        config.labels = Some(labels.path().to_owned());
        (model, config)
    };
    let (_model, config) = given("labelled");
    let puppet = Puppet::start_with(config).await;
    assert_eq!(puppet.0.description().labels, ["up", "down"]);
    let (_model, config) = given("named:another");
    let error = Classifier::start(&config).await.err().unwrap();
    assert!(
        error.to_string().contains("labels are not those that it was given"),
        "{error}"
    );
}

#[tokio::test]
async fn a_model_that_cannot_be_read_is_named() {
    let mut config = config(component("puppet"));
    config.model = Some("no/such/model.onnx".into());
    let error = Classifier::start(&config).await.err().unwrap();
    assert!(matches!(error, ComponentError::ModelUnreadable { .. }), "{error:?}");
    assert!(error.to_string().contains("no/such/model.onnx"), "{error}");
}

#[tokio::test]
async fn a_model_that_the_component_refuses_is_refused_in_its_words() {
    for (command, said) in [
        ("reject:bad-model:3 is not 28", "bad-model: 3 is not 28"),
        ("retry:not-now:later", "not-now: later"),
    ] {
        let error = refused(config(component("puppet")), command).await;
        assert!(matches!(error, ComponentError::Model(_)), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_component_that_falls_over_a_model_does_not_start() {
    for (command, code) in [("trap", "trap"), ("allocate", "out-of-memory"), ("exit:1", "exit")] {
        let error = refused(config(component("puppet")), command).await;
        assert!(matches!(error, ComponentError::Start(_)), "{error:?}");
        assert!(error.to_string().contains(code), "{error}");
    }
}

#[tokio::test]
async fn a_component_that_loads_a_model_for_ever_does_not_start_with_any_number_of_workers() {
    for command in ["loop", "sleep:3600000"] {
        let mut config = impatient();
        config.workers = NonZeroUsize::new(2).unwrap();
        let error = refused(config, command).await;
        assert!(matches!(error, ComponentError::Start(_)), "{error:?}");
        assert!(error.to_string().contains("timeout"), "{error}");
    }
}

#[tokio::test]
async fn a_description_that_cannot_be_relied_on_is_refused() {
    for lie in [
        "no-name",
        "long-name",
        "escape-in-name",
        "no-version",
        "short-digest",
        "upper-case-digest",
        "zero-height",
        "zero-width",
        "huge-height",
        "huge-width",
        "two-channels",
        "no-labels",
        "empty-label",
        "line-end-in-label",
        "no-scores",
        "doubled-label",
        "label-of-no-width",
        "huge-images",
        "no-images",
        "countless-images",
        "takes-no-models",
        "accepts-nothing",
        "produces-nothing",
        "line-end-in-produces",
    ] {
        let error = refused(config(component("puppet")), &format!("lie:{lie}")).await;
        assert!(matches!(error, ComponentError::Description(_)), "{lie}: {error:?}");
        assert!(error.to_string().len() < 10_000, "{lie}");
        assert!(!error.to_string().contains(char::is_control), "{lie}: {error}");
    }
}

#[tokio::test]
async fn a_component_that_cannot_say_what_it_is_does_not_start_and_says_why() {
    for command in [
        "reject:no-weights:lost",
        "retry:no-weights:lost",
        "fatal:no-weights:lost",
    ] {
        let error = refused(config(component("puppet")), &format!("describe:{command}")).await;
        assert!(matches!(error, ComponentError::Start(_)), "{error:?}");
        assert!(error.to_string().contains("no-weights: lost"), "{error}");
    }
    let error = refused(config(component("puppet")), "fatal:no-weights:lost").await;
    assert!(
        matches!(error, ComponentError::Start(_)),
        "nothing is said of the model: {error:?}"
    );
    let error = refused(config(component("puppet")), "describe:trap").await;
    assert!(error.to_string().contains("trap"), "{error}");
}

#[tokio::test]
async fn a_component_is_trusted_only_if_it_answers_its_own_examples_as_it_says() {
    let good = model("examples:echo:left=left,count=2");
    let puppet = Puppet::start_with(with_model(config(component("puppet")), &good)).await;
    assert_eq!(puppet.ask("count").await, "3", "the instance that was tried is kept");
    for (examples, said) in [
        ("echo:left=right", "example 1: it answers 'left' where 'right' is right"),
        (
            "echo:a=a,reject:bad-shape:3 is not 28=b",
            "example 2: bad-shape: 3 is not 28",
        ),
        ("trap=a", "example 1: trap"),
        ("no-results=a", "example 1: bad-reply: 1 request got 0 results"),
        (&["echo:a=a"; 65].join(","), "65 examples, and 64 are allowed"),
    ] {
        let error = refused(config(component("puppet")), &format!("examples:{examples}")).await;
        assert!(matches!(error, ComponentError::SelfTest(_)), "{error:?}");
        assert!(error.to_string().contains(said), "'{said}' is not in '{error}'");
    }
}

#[tokio::test]
async fn a_description_that_differs_between_instances_is_refused() {
    let mut config = config(component("puppet"));
    config.workers = NonZeroUsize::new(2).unwrap();
    let error = refused(config, "lie:each-time-another").await;
    assert!(matches!(error, ComponentError::Description(_)), "{error:?}");
    assert!(error.to_string().contains("differs between two instances"), "{error}");
}

#[tokio::test]
async fn a_description_that_differs_after_a_trap_is_noticed() {
    let model = model("lie:each-time-another");
    let puppet = Puppet::start_with(with_model(config(component("puppet")), &model)).await;
    puppet.fail("trap").await;
    let cause = match puppet.tell("count").await {
        Err(ClassifyError::Broken(cause)) => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(cause.code, "no-instance");
    assert!(
        cause.detail.contains("differs between two instances"),
        "{}",
        cause.detail
    );
}

#[tokio::test]
async fn a_description_of_a_million_labels_is_refused_in_few_words() {
    let error = refused(config(component("puppet")), "lie:million-labels").await;
    assert!(error.to_string().len() < 10_000, "{} bytes", error.to_string().len());
}
