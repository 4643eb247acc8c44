//! The vocabulary of tensor operations and the devices that speak it.
