//! Prints the TypeScript module that is committed as `docs/api.ts`.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

fn main() {
    print!("{}", api::registry::typescript());
}
