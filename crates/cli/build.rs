//! Makes a build notice new files in the folders that are embedded.

fn main() {
    println!(
        "cargo::rerun-if-changed={}/../../docs/handbook",
        env!("CARGO_MANIFEST_DIR")
    );
}
