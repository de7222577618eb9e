import CLossKit

/// The version of LossKit, such as "1.0.0". It stands in losskit.h, and nowhere else.
public let lossKitVersion: String = LOSSKIT_VERSION
