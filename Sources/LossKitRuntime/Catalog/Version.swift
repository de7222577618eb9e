import CLossKit

/// The version of LossKit, such as "1.0.0", as losskit.h defines it.
public let lossKitVersion: String = LOSSKIT_VERSION
