//! The compiler's registers and shared memory of the kernels, against the committed table.

/// Compares if the crate was built with the nvcc that made the table. `UPDATE_KERNEL_RESOURCES=1` writes the
/// table.
#[test]
fn registers_and_shared_memory_of_the_kernels_are_those_of_the_committed_table() {
    let built = env!("DEEPTALK_KERNEL_RESOURCES");
    if built.is_empty() {
        return; // no nvcc at build time; with DEEPTALK_REQUIRE_CUDA=1 the build has failed before
    }
    let built = std::fs::read_to_string(built).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/resources.txt");
    if std::env::var_os("UPDATE_KERNEL_RESOURCES").is_some() {
        std::fs::write(path, &built).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    if built.lines().next() != committed.lines().next() {
        return; // another nvcc allocates differently
    }
    let differ: Vec<_> =
        built.lines().filter(|line| !committed.lines().any(|other| other == *line)).collect();
    assert!(
        differ.is_empty(),
        "not in kernels/resources.txt (UPDATE_KERNEL_RESOURCES=1 writes it): {differ:#?}"
    );
    assert_eq!(
        built.lines().count(),
        committed.lines().count(),
        "kernels/resources.txt has kernels that are gone"
    );
}
