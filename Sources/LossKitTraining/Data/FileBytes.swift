import LossKitSystem

/// The whole content of a file, or of standard input where the path is `-`; throws a `Failure` with the system's reason.
func bytes(ofFile path: String) throws -> [UInt8] {
  path == "-" ? try Files.read(.standardInput, name: standardInputName) : try Files.read(path)
}

/// What messages call the file at a path.
func displayName(ofFile path: String) -> String {
  path == "-" ? standardInputName : path
}

private let standardInputName = "standard input"
