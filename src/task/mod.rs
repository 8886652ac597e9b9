//! One task: the graph of a topology over one input partition. Facts in, effects out.
//!
//! A task is an [`Intake`] (decode, know the coins), [`Stage`]s (the nodes) and an [`Outlet`] (encode, account for every record). [`Task`] runs them one
//! after the other on the calling thread; the runtime puts each in an actor and sends the same values between them. Nothing here reads a clock,
//! a log or a store: what must be kept is a [`TaskSnapshot`], and [`resolve`] decides from facts how a task comes back.

mod checkpoint;
mod intake;
mod leaderboard;
mod node;
mod outlet;
mod resolve;
mod skips;
mod snapshot;
mod stage;
mod whole;

pub use checkpoint::{CheckpointPolicy, Progress};
pub use intake::{BatchEnv, Intake};
pub use leaderboard::{Leaderboard, LeaderboardRow};
pub use node::NodeRunner;
pub use outlet::{Counts, Outlet, TaskOutput};
pub use resolve::{Facts, MissingInput, NodeFact, Plan, Refused, SnapshotFacts, resolve};
pub use skips::{Skips, SkipsError};
pub use snapshot::{NodeState, SNAPSHOT_VERSION, TaskSnapshot};
pub use stage::{Stage, StageOutput, StagePlan};
#[cfg(feature = "runtime")]
pub(crate) use whole::assemble;
pub use whole::{Task, TaskError};
