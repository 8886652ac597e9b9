//! The kinds of nodes a topology may have: one file or folder each, each with the entry that the catalogue lists, and the wire form of what leaves
//! a topology. They know the contract of a processor and the pure libraries; they know no task, no log and no thread.

pub mod wire;
