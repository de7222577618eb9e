// Tests call components, make random numbers and compare results like the conformance tool.
@_exported public import LossKitConformance
