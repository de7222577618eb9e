import LossKit
import LossKitSystem
import LossKitTraining

/// The parts of LossKit that plugin projects use: the headers for C, and the SDK's package.
struct LossKitSources {
  /// `losskit_plugin.h` and what it includes.
  let headers: [ProjectFile]
  /// The directory of the SDK's package.
  let package: String

  /// Finds them below a directory, a checkout or an installation's prefix; if none is given, those of this program.
  init(at directory: String?) throws {
    let candidates = try directory.map { [try Self.absolute($0)] } ?? Self.surroundings
    for package in candidates.flatMap({ ["\($0)/Sources", "\($0)/share/losskit/swift"] }) {
      let include = "\(package)/CLossKit/include"
      guard Files.exists("\(package)/Package.swift"), Files.exists("\(include)/losskit_plugin.h") else { continue }
      headers = try ["losskit_plugin.h", "losskit_authoring.h"].map {
        ProjectFile(path: $0, text: String(decoding: try Files.read("\(include)/\($0)"), as: UTF8.self))
      }
      self.package = package
      return
    }
    guard let directory else {
      throw Failure(
        """
        neither a checkout nor an installation of LossKit lies around \(Executable.path ?? "this program"); name one with \
        --losskit: a checkout of its repository, or the PREFIX of 'make install'
        """)
    }
    throw CommandFailure(
      status: .usage,
      message: """
        --losskit \(directory): this is neither a checkout of LossKit (Sources/Package.swift) nor the PREFIX of \
        'make install' (share/losskit/swift/Package.swift)
        """)
  }

  /// The directories above this program; one is its installation prefix, or the checkout that it was built in.
  private static var surroundings: [String] {
    var directories: [String] = []
    var directory = Executable.directory ?? ""
    while let slash = directory.lastIndex(of: "/") {
      directory = String(directory[..<slash])
      directories.append(directory)
    }
    return directories
  }

  private static func absolute(_ path: String) throws -> String {
    guard let absolute = realpath(path, nil) else {
      throw CommandFailure(status: .usage, message: Files.failure("--losskit \(path)", "cannot be read", .last).message)
    }
    defer { free(absolute) }
    return String(cString: absolute)
  }
}
