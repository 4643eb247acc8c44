#![no_main]
//! A pickle of any protocol, and every value of it.

use deeptalk_rt::files::pickle::{Node, Pickle};
use libfuzzer_sys::fuzz_target;

/// Looks at a value as the readers of checkpoints do.
fn visit(node: Node<'_>, depth: usize, left: &mut usize) {
    let Some(rest) = left.checked_sub(1) else { return };
    *left = rest;
    let _ = (node.describe(), node.text(), node.size(), node.sizes(), node.global(), node.get("state_dict"));
    if depth == 0 {
        return;
    }
    for (key, value) in node.pairs().into_iter().flatten() {
        visit(key, depth - 1, left);
        visit(value, depth - 1, left);
    }
    (0..4).filter_map(|index| node.item(index)).for_each(|item| visit(item, depth - 1, left));
    if let Some(object) = node.object() {
        visit(object.args, depth - 1, left);
        object.state.into_iter().for_each(|state| visit(state, depth - 1, left));
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(pickle) = Pickle::parse(bytes, "pickle") {
        assert!(pickle.length <= bytes.len());
        visit(pickle.root(), 6, &mut 1_000);
        let _ = pickle.persistents().count();
    }
});
