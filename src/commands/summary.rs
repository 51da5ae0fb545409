//! What a cycle did, for people and for programs; and the progress bar while it does it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    commands::Ended,
    engine::{Progress, Stage, cycle::CycleReport},
    model::{Counters, CycleState},
};

/// The rows of a summary, in the order in which they are printed.
pub(super) fn rows(counters: &Counters) -> [(&'static str, u64); 13] {
    [
        ("changes read", counters.changes),
        ("created", counters.created),
        ("updated", counters.updated),
        ("disabled", counters.disabled),
        ("deleted", counters.deleted),
        ("adopted", counters.linked),
        ("nothing to do", counters.skipped),
        ("references added", counters.references_added),
        ("references removed", counters.references_removed),
        ("requests", counters.requests),
        ("write requests", counters.writes),
        ("in escrow", counters.escrowed),
        ("staged removals", counters.staged),
    ]
}

/// A table with one column a cycle.
pub(super) fn print_table(columns: &[(&str, &Counters)]) {
    let header: String = columns.iter().map(|(title, _)| format!("{title:>14}")).collect();
    println!("{:<20}{header}", "");
    for (index, (name, _)) in rows(&Counters::default()).iter().enumerate() {
        let cells: String = columns.iter().map(|(_, counters)| format!("{:>14}", rows(counters)[index].1)).collect();
        println!("{name:<20}{cells}");
    }
}

/// One JSON object with the kind, the state and the counters of the cycle.
pub(super) fn print_json(report: &CycleReport) {
    println!("{}", json!({ "cycle": report.kind, "state": report.state, "counters": report.counters }));
}

/// How the command ends after this cycle.
pub(super) fn ended(report: &CycleReport) -> Ended {
    match report.state {
        CycleState::Partial => Ended::Partial,
        CycleState::Interrupted => Ended::Interrupted,
        CycleState::Running | CycleState::Succeeded | CycleState::Failed => Ended::Done,
    }
}

/// Shows progress on standard error while the sender lives. Invisible where standard error is no terminal.
pub(super) async fn show_progress(title: &'static str, mut progress: watch::Receiver<Progress>) {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{prefix:>12} [{bar:30}] {pos}/{len} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar.set_prefix(title);
    let mut ending = progress.clone();
    while progress.changed().await.is_ok() {
        let (found, handled, stage) = {
            let progress = progress.borrow_and_update();
            (progress.found.max(progress.handled), progress.handled, progress.stage)
        };
        bar.set_length(found);
        bar.set_position(handled);
        bar.set_message(match stage {
            Stage::Preparing => "preparing",
            Stage::Reading => "reading and writing",
            Stage::Due => "groups and references",
            Stage::Removing => "removals",
        });
        // Redrawing on every object would cost more than the object. Once nobody sends any more, nothing is waited for.
        let _ = tokio::time::timeout(Duration::from_millis(50), ending.wait_for(|_| false)).await;
    }
    bar.finish_and_clear();
}
