//! Drives passes over one list until there is a verdict: the one loop of a sweep that awaits.
//! What a page means is `pass`'s affair; where rows go, the sink's.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::envelope::Page;
use super::markers::MarkerPass;
use super::pass::{Event, Evidence, Listing, PageFacts, PageRequest, Pass, Shape, Steps};
use super::source::{Fetched, PageSource, Traffic};
use crate::cloud::error::Error;

/// Bounds of one sweep.
#[derive(Clone, Copy, Debug)]
pub struct SweepLimits {
    /// Passes begun anew because the list moved, after the first.
    pub restarts_max: u32,
    /// Further passes made to see whether two list the same records.
    pub agreement_passes_max: u32,
}

impl Default for SweepLimits {
    fn default() -> Self {
        Self { restarts_max: 2, agreement_passes_max: 2 }
    }
}

/// Takes a sweep's rows in.
pub trait Sink: Send {
    type Fault: Send;
    /// These rows of the page belong to the listing.
    fn release(&mut self, page: Page, rows: Vec<u32>) -> impl Future<Output = Result<(), Self::Fault>> + Send;
    /// All rows released so far are void; the listing begins again.
    fn restart(&mut self) -> impl Future<Output = Result<(), Self::Fault>> + Send;
    /// How many records that were there would be declared gone by what was released.
    fn absent(&mut self) -> impl Future<Output = Result<u64, Self::Fault>> + Send;
    /// How far the sweep has come; told for each page.
    fn progress(&mut self, progress: Progress);
}

/// How far one reading of a list has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Counted from 1. A later reading replaces the one before or is compared with it.
    pub reading: u32,
    pub pages: u64,
    pub pages_expected: Option<u64>,
    pub rows: u64,
    pub rows_expected: Option<u64>,
}

/// How a listing was proved complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// One answer held the whole list.
    OnePage,
    /// Overlapping pages joined without a gap, in an order that never changes.
    Seams,
    /// Totals were steady and met; nothing would be declared gone on their strength.
    Totals,
    /// Pages were read until one held nothing more; nothing would be declared gone on the strength of that.
    End,
    /// Two passes listed the same records.
    Agreement,
    /// Each page led to the next by a marker, to the end, and no record came twice.
    Markers,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Proof::OnePage => "one page",
            Proof::Seams => "seams",
            Proof::Totals => "totals",
            Proof::End => "end",
            Proof::Agreement => "agreement",
            Proof::Markers => "markers",
        })
    }
}

#[derive(Debug)]
pub enum Verdict {
    Complete(Proof),
    /// What was read is kept, but nothing may be declared gone; with the reason.
    Unproved(String),
    Failed(Box<Error>),
}

/// A sweep that has ended. Counts are those of the pass whose rows were kept.
pub struct Swept {
    pub verdict: Verdict,
    pub total_first: Option<u64>,
    pub total_last: Option<u64>,
    pub rows_read: u64,
    pub distinct: u64,
    /// Pages read, over all passes.
    pub pages: u64,
    pub traffic: Traffic,
}

impl Swept {
    /// A listing of which nothing was read.
    pub fn failed(error: Error) -> Swept {
        Swept {
            verdict: Verdict::Failed(Box::new(error)),
            total_first: None,
            total_last: None,
            rows_read: 0,
            distinct: 0,
            pages: 0,
            traffic: Traffic::default(),
        }
    }
}

/// Lists everything once, and again where the proof needs it.
pub async fn sweep<S: PageSource, K: Sink>(
    source: Arc<S>,
    sink: &mut K,
    limits: SweepLimits,
) -> Result<Swept, K::Fault> {
    let mut driver = Driver { source, traffic: Traffic::default(), pages: 0, next_id: 0, readings: 0 };
    let mut restarts = 0;
    let listing = loop {
        match driver.pass(sink, Rows::Release).await? {
            Err(error) => return Ok(driver.failed(error)),
            Ok(listing) if restarts < limits.restarts_max && matches!(listing.evidence, Evidence::Moved(_)) => {
                restarts += 1;
                sink.restart().await?;
            }
            Ok(listing) => break listing,
        }
    };
    let verdict = match &listing.evidence {
        Evidence::OnePage => Verdict::Complete(Proof::OnePage),
        Evidence::Seams => Verdict::Complete(Proof::Seams),
        Evidence::Markers => Verdict::Complete(Proof::Markers),
        Evidence::Moved(reason) | Evidence::Unprovable(reason) => Verdict::Unproved(reason.clone()),
        Evidence::Totals if sink.absent().await? == 0 => Verdict::Complete(Proof::Totals),
        Evidence::End if sink.absent().await? == 0 => Verdict::Complete(Proof::End),
        Evidence::End if listing.keys.is_empty() => {
            Verdict::Unproved("the answer is empty and tells no total; there were records before".to_owned())
        }
        Evidence::Totals | Evidence::End => match driver.agrees(&listing, limits, sink).await? {
            Ok(true) => Verdict::Complete(Proof::Agreement),
            Ok(false) => Verdict::Unproved("two passes over the list did not show the same records".to_owned()),
            Err(error) => return Ok(driver.failed(error)),
        },
    };
    Ok(Swept {
        verdict,
        total_first: listing.total_first,
        total_last: listing.total_last,
        rows_read: listing.rows_read,
        distinct: listing.keys.len() as u64,
        pages: driver.pages,
        traffic: driver.traffic,
    })
}

/// A pass of the kind that a list's shape asks for.
enum AnyPass {
    Counted(Box<Pass>),
    Markers(Box<MarkerPass>),
}

impl AnyPass {
    fn new(shape: Shape, first_id: u64) -> AnyPass {
        match shape.steps {
            Steps::Overlapping | Steps::Apart | Steps::Whole => AnyPass::Counted(Box::new(Pass::new(shape, first_id))),
            Steps::Markers => AnyPass::Markers(Box::new(MarkerPass::new(shape, first_id))),
        }
    }

    fn next_id(&self) -> u64 {
        match self {
            AnyPass::Counted(pass) => pass.next_id(),
            AnyPass::Markers(pass) => pass.next_id(),
        }
    }

    fn is_ended(&self) -> bool {
        match self {
            AnyPass::Counted(pass) => pass.is_ended(),
            AnyPass::Markers(pass) => pass.is_ended(),
        }
    }

    fn expected_rows(&self) -> Option<u64> {
        match self {
            AnyPass::Counted(pass) => pass.expected_rows(),
            AnyPass::Markers(pass) => pass.expected_rows(),
        }
    }

    /// A list that is read by markers does not tell beforehand.
    fn expected_pages(&self) -> Option<u64> {
        match self {
            AnyPass::Counted(pass) => pass.expected_pages(),
            AnyPass::Markers(_) => None,
        }
    }

    fn next_request(&mut self) -> Option<PageRequest> {
        match self {
            AnyPass::Counted(pass) => pass.next_request(),
            AnyPass::Markers(pass) => pass.next_request(),
        }
    }

    fn on_page(&mut self, id: u64, facts: PageFacts) -> Vec<Event> {
        match self {
            AnyPass::Counted(pass) => pass.on_page(id, facts),
            AnyPass::Markers(pass) => pass.on_page(id, facts),
        }
    }

    fn into_listing(self) -> Option<Listing> {
        match self {
            AnyPass::Counted(pass) => pass.into_listing(),
            AnyPass::Markers(pass) => pass.into_listing(),
        }
    }
}

struct Driver<S> {
    source: Arc<S>,
    traffic: Traffic,
    pages: u64,
    next_id: u64,
    readings: u32,
}

/// What becomes of the rows that a pass joins.
#[derive(Clone, Copy, PartialEq)]
enum Rows {
    Release,
    /// Only their keys are looked at.
    Compare,
}

impl<S: PageSource> Driver<S> {
    fn failed(self, error: Error) -> Swept {
        Swept { pages: self.pages, traffic: self.traffic, ..Swept::failed(error) }
    }

    /// Whether another pass lists the same records. The kept rows stay those of the first.
    async fn agrees<K: Sink>(
        &mut self,
        listing: &Listing,
        limits: SweepLimits,
        sink: &mut K,
    ) -> Result<Result<bool, Error>, K::Fault> {
        for _ in 0..limits.agreement_passes_max {
            match self.pass(sink, Rows::Compare).await? {
                Err(error) => return Ok(Err(error)),
                Ok(again) if again.keys == listing.keys && again.evidence == listing.evidence => return Ok(Ok(true)),
                Ok(_) => {}
            }
        }
        Ok(Ok(false))
    }

    /// One pass. The outer error is the sink's, the inner one the cloud's.
    async fn pass<K: Sink>(&mut self, sink: &mut K, fate: Rows) -> Result<Result<Listing, Error>, K::Fault> {
        let mut pass = AnyPass::new(self.source.shape(), self.next_id);
        let mut in_flight: JoinSet<(u64, Fetched)> = JoinSet::new();
        let mut bodies: HashMap<u64, Page> = HashMap::new();
        let (mut rows, mut pages) = (0, 0);
        self.readings += 1;
        while !pass.is_ended() {
            while let Some(request) = pass.next_request() {
                let source = Arc::clone(&self.source);
                let id = request.id;
                in_flight.spawn(async move { (id, source.fetch(request).await) });
            }
            let Some(finished) = in_flight.join_next().await else {
                unreachable!("a pass that goes on has a page in flight");
            };
            let (id, fetched) = finished.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
            self.traffic.add(fetched.traffic);
            let (page, facts) = match fetched.result {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            (self.pages, pages) = (self.pages + 1, pages + 1);
            bodies.insert(id, page);
            for event in pass.on_page(id, facts) {
                match event {
                    Event::Forget { page } => drop(bodies.remove(&page)),
                    Event::Release { page, rows: released } => {
                        rows += released.len() as u64;
                        if let (Some(page), Rows::Release) = (bodies.remove(&page), fate) {
                            sink.release(page, released).await?;
                        }
                    }
                }
            }
            sink.progress(Progress {
                reading: self.readings,
                pages,
                pages_expected: pass.expected_pages(),
                rows,
                rows_expected: pass.expected_rows(),
            });
        }
        self.next_id = pass.next_id();
        Ok(Ok(pass.into_listing().unwrap_or_else(|| unreachable!("the loop ends with the pass"))))
    }
}
