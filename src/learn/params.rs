//! Typed parameters: one declaration gives the struct, its defaults, ranges and documentation, and the checked reading of what a user wrote.
