//! Hashes as text.

use sha2::{Digest, Sha256};

/// A finished SHA-256 as 64 lower-case hexadecimal digits.
pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
