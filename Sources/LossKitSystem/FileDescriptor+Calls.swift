// Calls that swift-system does not have. All throw an `Errno`, and are made again where a signal interrupts them.

/// The value of a call that returns -1 where it fails.
package func checked<Value: FixedWidthInteger>(_ call: () -> Value) throws(Errno) -> Value {
  while true {
    let value = call()
    if value != -1 { return value }
    let error = Errno.last
    guard error == .interrupted else { throw error }
  }
}

extension Errno {
  /// Why the last call of the C library failed on this thread.
  package static var last: Errno { Errno(rawValue: errno) }
}

extension FileDescriptor {
  /// Opens a file of this directory.
  package func open(
    _ name: String, _ mode: AccessMode, options: OpenOptions, permissions: FilePermissions = []
  ) throws(Errno) -> FileDescriptor {
    let flags = mode.rawValue | options.rawValue
    return FileDescriptor(rawValue: try checked { openat(rawValue, name, flags, permissions.rawValue) })
  }

  /// The names of all entries of this directory, including "." and "..".
  package func names() throws(Errno) -> [String] {
    // The stream closes its descriptor.
    let directory = try open(".", .readOnly, options: [.directory, .closeOnExec])
    guard let stream = fdopendir(directory.rawValue) else {
      let error = Errno.last
      try? directory.close()
      throw error
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }

  /// Waits until what was written is on the disk.
  package func synchronize() throws(Errno) { _ = try checked { fsync(rawValue) } }

  /// Fills a buffer with the bytes of the file from `offset` on; returns how many there are, fewer where the file ends.
  package func read(filling buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws -> Int {
    var filled = 0
    while filled < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = try read(fromAbsoluteOffset: Int64(offset + filled), into: rest)
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// The bytes from here to the end.
  package func bytesToEnd() throws -> [UInt8] {
    var content: [UInt8] = []
    while true {
      let bytes = try bytes(upTo: 1 << 18)
      if bytes.isEmpty { return content }
      content += bytes
    }
  }

  /// The next bytes, at most `count`; empty at the end.
  package func bytes(upTo count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
      filled = try read(into: UnsafeMutableRawBufferPointer(bytes))
    }
  }

  /// The content of a file.
  package static func bytes(ofFile path: String) throws -> [UInt8] {
    let file = try open(path, .readOnly, options: .closeOnExec)
    return try file.closeAfter { try file.bytesToEnd() }
  }
}
