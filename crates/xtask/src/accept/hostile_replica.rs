//! A copy of a doorway that lies shows nothing of what was forged, keeps what it had, and says what was wrong.
//!
//! Each lie is told to a new copy: to one that had copied everything until then, or to one that has nothing yet. Then
//! the doorway turns honest, the copy starts again, and must end with everything that the honest doorway has.
//! The forks are real: the author's key and the doorway's folder were copied, and both went on.

mod cases;
mod forger;
mod lie;
mod sources;
mod trial;

use testkit::servers::free_port;

use super::community::Person;
use super::doorway::Plan;
use super::lesson::Lesson;
use super::{Stage, files};
use sources::Sources;
use trial::{Outcome, Trial};

/// Pages of the course.
const PAGES: u32 = 4;

/// Runs the scenario.
pub(crate) fn run(stage: &Stage<'_>) -> anyhow::Result<String> {
    let offsets: &[u64] = if stage.is_full { &[1, 4, 6] } else { &[3] };
    let steward = Person::new(stage, "steward");
    let lesson = Lesson::write(stage.scratch.join("lesson"), PAGES, 0)?;
    let plan = Plan::new(&steward, steward.home().join("community")).at(free_port()?);
    let writer = plan.start()?;
    steward.publish(lesson.folder(), &writer.url())?;
    // The twin's key and folder, before anything differs.
    writer.end()?;
    let twin = Person::new(stage, "twin");
    files::copy(steward.home(), twin.home())?;
    let mut trial = Trial::new(stage, steward.clone(), lesson, plan.start()?);
    let mut sources = Sources::open(stage, &steward, twin)?;
    let (mut outcomes, mut failed) = (Vec::new(), Vec::new());
    let mut try_case = |trial: &mut Trial<'_>, case: &trial::Case| {
        // All are tried, so that one run tells everything.
        match trial.run(case) {
            Ok(outcome) => {
                println!("{}: {}", outcome.name, outcome.said);
                outcomes.push(outcome);
            }
            Err(error) => failed.push(format!("{}: {error:#}", case.name)),
        }
    };

    // Both continue the chain from the same record on, equally far; then one of them goes further.
    trial.publish_next()?;
    sources.continue_twin()?;
    try_case(&mut trial, &cases::fork_in_place(&sources)?);
    sources.continue_twin()?;
    try_case(&mut trial, &cases::fork_that_goes_on(&sources));
    for offset in offsets {
        for case in cases::records(&sources, *offset) {
            try_case(&mut trial, &case);
        }
    }
    let others = cases::others(&sources).into_iter();
    for case in others.chain(cases::events(&sources)) {
        try_case(&mut trial, &case);
    }
    sources.close()?;
    trial.close()?;
    anyhow::ensure!(
        failed.is_empty(),
        "{} lies:\n{}",
        failed.len(),
        failed.join("\n")
    );
    Ok(told(&outcomes))
}

fn told(outcomes: &[Outcome]) -> String {
    let with_code = outcomes.iter().filter(|outcome| outcome.has_code).count();
    let mut sorts: Vec<&str> = outcomes.iter().map(|outcome| outcome.name).collect();
    sorts.sort_unstable();
    sorts.dedup();
    format!(
        "{} forgeries of {} sorts, nothing of them shown; each was named in /ready, {with_code} of them with CH-0706; \
         what was there before was served all the time, and {} copies were complete after the doorway had become \
         honest",
        outcomes.len(),
        sorts.len(),
        outcomes.len(),
    )
}
