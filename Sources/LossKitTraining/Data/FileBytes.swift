import LossKitSystem

/// Reads a whole file, or standard input if the path is `-`. Throws a `Failure` with the system's reason.
func bytes(ofFile path: String) throws -> [UInt8] {
  path == "-" ? try Files.read(.standardInput, name: standardInputName) : try Files.read(path)
}

/// The name of a file in messages.
func displayName(ofFile path: String) -> String {
  path == "-" ? standardInputName : path
}

private let standardInputName = "standard input"
