//! The real binary, as a user meets it: what it writes, what it says, and how it ends.

mod direction;
mod place;
mod process;
mod refusals;
mod results;
