//! Makes a build notice new files in the folders that are embedded.

fn main() {
    println!(
        "cargo::rerun-if-changed={}/../../docs/errors",
        env!("CARGO_MANIFEST_DIR")
    );
    println!(
        "cargo::rerun-if-changed={}/../../crates/doorway/assets",
        env!("CARGO_MANIFEST_DIR")
    );
}
