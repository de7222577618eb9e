import LossKit
import LossKitSystem

/// The bytes of a file, read piece by piece and decompressed if they are gzip.
final class ByteStream {
  /// The name of the file in messages.
  let name: String
  private var source: Source
  private var isFirst = true

  private enum Source {
    case file(FileDescriptor, isOwned: Bool)
    case memory([UInt8])
    case compressed(Gzip, ByteStream)
  }

  /// The size of a piece.
  private static let pieceSize = 1 << 18

  private init(name: String, _ source: Source) {
    self.name = name
    self.source = source
  }

  /// Opens a file, or standard input if the path is `-`. Throws a `Failure` with the system's reason.
  convenience init(path: String) throws {
    if path == "-" {
      self.init(name: "standard input", .file(.standardInput, isOwned: false))
    } else {
      self.init(name: path, .file(try Files.open(path), isOwned: true))
    }
  }

  /// Lends the content of a file.
  convenience init(_ content: [UInt8], name: String) {
    self.init(name: name, .memory(content))
  }

  deinit {
    if case .file(let file, isOwned: true) = source { try? file.close() }
  }

  /// The next bytes; empty at the end. Throws if they cannot be read or decompressed.
  func next() throws -> [UInt8] {
    let piece = try read()
    guard isFirst else { return piece }
    isFirst = false
    guard piece.starts(with: Gzip.signature) else { return piece }
    let rest = ByteStream(name: name, source)
    rest.isFirst = false
    source = .compressed(try Gzip(piece, name: name), rest)
    return try read()
  }

  private func read() throws -> [UInt8] {
    switch source {
    case .file(let file, _): return try Files.read(file, upTo: Self.pieceSize, name: name)
    case .memory(let content):
      source = .memory([])
      return content
    case .compressed(let gzip, let rest): return try gzip.next(Self.pieceSize, from: rest.read)
    }
  }
}
