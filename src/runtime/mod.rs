//! The runtime: tasks in actors on a log, restartable from snapshots.
//!
//! # Who runs what
//! * An [`Instance`] is one process's share of an application. It owns the threads below and nothing else.
//! * A **client thread** owns one log client, that is one consumer and one transactional producer, and the tasks of the partitions the client has been given. Only
//!   it speaks to its client. It polls, feeds, produces, commits, and never waits for a stage.
//! * **Worker threads** (actix arbiters) run the actors of all tasks: for each task a source ([`Intake`](crate::task::Intake)), an actor for each stage of its
//!   [`StagePlan`](crate::task::StagePlan) (the window stage, each learner, each evaluator), a sink ([`Outlet`](crate::task::Outlet)). Neighbours in the flow sit on
//!   different threads as far as there are any, so that the models of one partition learn in parallel. The results do not depend on the number of threads:
//!   every element of a task's sequence has a number, a stage takes the parts of one number from all its parents, in the order of the plan, and
//!   the elements in the order of their numbers.
//! * A **checkpoint thread** runs the checkpoint actor of every task, **restore threads** bring tasks back, the **supervisor** starts and ends the actors of a task,
//!   a **monitor** looks at the ends of the partitions.
//!
//! # Life of a record
//! poll → queue of its task → (a credit) → source: decode → window stage → learners → evaluator → sink: encode → client thread: produce into the open
//! transaction (the credit is back) → commit → counted, shown. Messages are batches. A mailbox never fills: a task has so many credits, and without one
//! its batches wait in a queue of one poll's length while the client holds the partition back.
//!
//! # Transactions
//! A transaction takes what has come out of the sinks when it is time, of every task as much as there is. Any prefix of a task's output may commit together with
//! the position after it, so that nothing has to be drained or aligned first, and a slow task delays nobody. (A barrier before every commit, as the first
//! design had it, would make each commit wait for the slowest stage of the slowest task, and buys nothing: output and position leave the sink as one value.)
//! The rules that follow:
//! * **A failed commit** rolls back the tasks with a share in it, because their state is ahead of what has committed. They are restored; the others go on.
//! * **A panic** rolls back its own task only. What came out before is whole and commits.
//!
//! # Checkpoints
//! When one is due, a barrier follows the batches through the mailboxes. Each stage answers with its state on passing it; the sink puts the answers together.
//! The snapshot's position lies at a batch's end. It waits on the client thread until a commit has passed that position, and only then goes to the checkpoint actor: no
//! checkpoint is ever ahead of what has committed.
//!
//! # Life of a task
//! | state | means | ends with |
//! |---|---|---|
//! | created | assigned; committed offset and skips are asked for | restoring |
//! | restoring | newest fitting snapshot, then a silent replay up to the committed position, on a restore thread | running, or the instance stops with the reason |
//! | running | actors live, the client was sent to the live position | closed; or recovering, after a panic or a lost transaction |
//! | recovering | as restoring, after a failure in this process | running |
//! | closed | revoked (finished, committed, kept), lost (dropped), or the instance has ended | |
//!
//! Each restore begins a new *incarnation*; what an earlier one still has to say is not heard.
//!
//! # Failures of a record
//! A panic in a batch of many records does not say which one it was. The task comes back at its committed position and is fed one record at a time until it
//! has passed the batch. After `failure_limit` failures of the same record it is skipped: the source sends it to the dead-letter topic unseen, with the
//! panic's message, and the skip travels with the committed offset as metadata, so that every later replay leaves it out too.
//!
//! # Errors of the log
//! By their [`Reaction`](crate::log::Reaction): retry = the same call after a growing pause; abort = abort, roll back, go on; replace = a new client, every task
//! comes back from what has committed by then (also the answer to an unknown outcome); stop = the instance ends with the message.
//!
//! This layer does not know what a node computes, how a log or a store works, or that there is a web server.

mod board;
mod calls;
mod changelogging;
mod checkpoint_actor;
mod checkpointing;
mod client_thread;
mod clock;
mod commits;
mod control;
mod error;
mod flow;
mod gather;
mod instance;
mod latest;
mod link;
mod monitor;
mod phases;
mod recovery;
mod restore;
mod restore_pool;
mod retire;
mod setbacks;
mod settings;
mod sink_actor;
mod slot;
mod source_actor;
mod sources;
mod stage_actor;
mod standby;
mod standby_plan;
mod status;
mod supervisor;
mod task_actors;
mod transaction;
mod workers;

pub use board::LatestPrediction;
pub use error::InstanceError;
pub use instance::{Instance, InstanceHandle};
pub use phases::{InstanceState, ThreadState};
pub use restore::{RestoreError, task_name};
pub use settings::{ChangelogSettings, RuntimeSettings};
pub use status::{CheckpointStatus, InstanceStatus, ReplaySpan, RestoreStatus, StandbyStatus, TaskState, TaskStatus};
