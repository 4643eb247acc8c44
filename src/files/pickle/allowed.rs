//! The names of Python that checkpoints and FLAME files use.

/// True if a pickle may name `module.name`. No function is ever called; the list refuses files that contain
/// more than data.
pub(super) fn allowed(module: &str, name: &str) -> bool {
    let names: &[&str] = match module {
        "__builtin__" | "builtins" => &[
            "bytearray",
            "bytes",
            "complex",
            "dict",
            "float",
            "frozenset",
            "int",
            "list",
            "object",
            "set",
            "str",
            "tuple",
        ],
        "_codecs" => &["encode"],
        "argparse" => &["Namespace"],
        "chumpy" | "chumpy.ch" => &["Ch"],
        "collections" => &["OrderedDict", "defaultdict"],
        "copy_reg" | "copyreg" => &["_reconstructor"],
        "numpy" => return ["dtype", "ndarray"].contains(&name) || NUMPY_SCALARS.contains(&name),
        "numpy.core.multiarray" | "numpy._core.multiarray" => &["_reconstruct", "scalar"],
        "numpy.core.numeric" | "numpy._core.numeric" => &["_frombuffer"],
        "scipy.sparse.csc" | "scipy.sparse._csc" => &["csc_array", "csc_matrix"],
        "torch" => {
            return ["Size", "device"].contains(&name) || storage_kind(name) || TORCH_DTYPES.contains(&name);
        }
        "torch._utils" => &["_rebuild_parameter", "_rebuild_tensor", "_rebuild_tensor_v2"],
        "torch.storage" => &["TypedStorage", "UntypedStorage", "_TypedStorage", "_UntypedStorage"],
        _ => &[],
    };
    names.contains(&name)
}

const NUMPY_SCALARS: [&str; 13] = [
    "bool_", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "uint16", "uint32",
    "uint64", "uint8", "bool",
];

const TORCH_DTYPES: [&str; 9] =
    ["bfloat16", "bool", "float16", "float32", "float64", "int16", "int32", "int64", "uint8"];

fn storage_kind(name: &str) -> bool {
    name.strip_suffix("Storage").is_some_and(|kind| {
        ["Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool"]
            .contains(&kind)
    })
}
