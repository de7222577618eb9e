// Tests call components, make random numbers and compare results as the conformance tool does.
@_exported public import LossKitConformance
