//! What the pipeline allocates for a message is counted, so that it does not grow unseen. Seconds vary from machine to machine, and this
//! does not.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
// An allocator is unsafe to write; this one only counts, and hands everything on.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use host::broker::{
    Act, BrokerError, Claim, Delivery, Demand, Event, Lane, Limits, Room, Route, Settle, Settled, Source,
};
use host::message::Message;
use host::pipeline::{self, Answer, Answers, Classify, ClassifyError, Maker, Meter, OnError, Policy};
use host::shutdown::Shutdown;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: as the system's allocator, which does all of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Gives what it was made with, and then nothing.
struct Ready(VecDeque<Delivery>);

#[async_trait]
impl Source for Ready {
    async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError> {
        match self.0.pop_front().filter(|_| demand == Demand::Deliveries) {
            Some(delivery) => Ok(Event::Delivery(delivery)),
            None => std::future::pending().await,
        }
    }

    fn more(&mut self, mut room: Room) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while self.0.front().is_some_and(|next| room.take(next.message.size())) {
            deliveries.extend(self.0.pop_front());
        }
        deliveries
    }

    async fn listening_since(&mut self) -> Result<tokio::time::Instant, BrokerError> {
        Ok(tokio::time::Instant::now())
    }

    fn cluster(&self) -> &str {
        "ready"
    }

    async fn close(self: Box<Self>) -> Result<(), BrokerError> {
        Ok(())
    }
}

/// Takes everything at once.
struct Takes;

#[async_trait]
impl Settle for Takes {
    async fn settle(&self, acts: Vec<Act>) -> Settled {
        let results = acts.iter().map(|_| Ok(())).collect();
        Box::pin(async { results })
    }

    async fn limits(&self, _route: Route) -> Result<Limits, BrokerError> {
        Ok(Limits::default())
    }
}

/// Returns each message, and counts its calls.
struct Echo {
    calls: AtomicUsize,
    maker: Arc<Maker>,
}

#[async_trait]
impl Classify for Echo {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        Ok(Answer {
            payload: message.payload.clone().unwrap(),
            content_type: String::new(),
            images: 1,
            warnings: Vec::new(),
        })
    }

    async fn classify_all(&self, messages: &[&Message]) -> Answers {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            answers.push(self.classify(message).await);
        }
        Ok(answers)
    }

    fn concurrency(&self) -> usize {
        2
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::clone(&self.maker)
    }
}

/// The allocations, and the calls, for so many messages of 1 KB in one lane.
fn run(messages: usize) -> (u64, usize) {
    let lane = Lane::new("in/0", 0);
    let deliveries = (0..messages as u64).map(|seq| Delivery {
        message: Message::new(vec![b'x'; 1000]),
        position: format!("in/0/{seq}"),
        claim: Claim::new(lane.clone(), seq, 1, ()),
    });
    let source = Box::new(Ready(deliveries.collect()));
    let policy = Policy {
        on_error: OnError::DeadLetter,
        attempts: 3,
        max_failures: None,
        retry_delay: Duration::ZERO,
        max_in_flight: 1024,
        max_in_flight_bytes: 64 << 20,
        max_message_bytes: 1 << 20,
        provenance: true,
        idle_timeout: None,
    };
    let (shutdown, meter) = (Shutdown::new(), Meter::default());
    let classifier = Echo {
        calls: AtomicUsize::new(0),
        maker: Arc::new(Maker::new("0123456789abcdef", Some("fedcba9876543210"), &[])),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let stop = |progress: &pipeline::Progress| {
        if progress.answered == messages as u64 {
            shutdown.stop();
        }
    };
    let ended = pipeline::run(source, Arc::new(Takes), &classifier, &policy, &shutdown, &meter, stop);
    assert_eq!(runtime.block_on(ended).unwrap().answered, messages as u64);
    (
        ALLOCATIONS.load(Ordering::Relaxed) - before,
        classifier.calls.load(Ordering::Relaxed),
    )
}

/// 7 were measured; half of them are the values of the headers that say where an answer comes from.
const MOST: f64 = 8.0;

#[test]
fn a_message_of_many_takes_few_allocations_and_a_small_part_of_a_call() {
    let (few, few_calls) = run(10_000);
    let (many, many_calls) = run(30_000);
    let each = (many - few) as f64 / 20_000.0;
    println!("{each} allocations a message");
    assert!(each <= MOST, "{each} allocations a message");
    let calls = many_calls - few_calls;
    assert!(calls <= 20_000 / 16, "{calls} calls for 20,000 messages");
}
