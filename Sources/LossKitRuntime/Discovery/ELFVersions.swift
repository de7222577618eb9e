#if os(Linux)
  import LossKit

  extension ELFLibrary {
    /// Throws for symbols of versions that the library neither defines nor needs, and for needed versions of libraries
    /// that it does not need: the system's loader takes both for impossible.
    func checkVersions(_ file: borrowing LibraryFile, _ dynamic: ELFDynamicSegment) throws {
      let defined = try definedVersions(file, dynamic), needed = try neededVersions(file, dynamic)
      guard let address = dynamic[.symbolVersions] else { return }
      let count = symbols.all.count
      guard let offset = dynamic.header.location(ofAddress: address, count: UInt64(count) * 2),
        dynamic[.versionsDefined] != nil || dynamic[.versionsNeeded] != nil
      else { throw dynamic.header.damaged("the versions of its symbols cannot be read") }
      let known = defined.union(needed).union([0, 1])
      let table = ByteReader(file.bytes(at: offset, count: count * 2))
      for symbol in 0..<count {
        guard let version = table.uint16(at: symbol * 2), known.contains(version & 0x7FFF) else {
          throw dynamic.header.damaged("a symbol has an unknown version")
        }
      }
    }

    /// The numbers of the versions that the library defines.
    private func definedVersions(_ file: borrowing LibraryFile, _ dynamic: ELFDynamicSegment) throws -> Set<UInt16> {
      var numbers: Set<UInt16> = []
      try walk(file, dynamic, from: dynamic[.versionsDefined], size: 20, next: 16) { entry, address in
        guard let form = entry.uint16(at: 0), form == 1, let number = entry.uint16(at: 4), number & 0x7FFF > 0,
          let count = entry.uint16(at: 6), count > 0, let names = entry.uint32(at: 12)
        else { return false }
        numbers.insert(number & 0x7FFF)
        try walk(file, dynamic, from: address &+ UInt64(names), size: 8, next: 4) { entry, _ in
          _ = try entry.uint32(at: 0).map { try dynamic.name(at: UInt64($0)) }
          return true
        }
        return true
      }
      return numbers
    }

    /// The numbers of the versions that the library needs.
    private func neededVersions(_ file: borrowing LibraryFile, _ dynamic: ELFDynamicSegment) throws -> Set<UInt16> {
      var numbers: Set<UInt16> = []
      try walk(file, dynamic, from: dynamic[.versionsNeeded], size: 16, next: 12) { entry, address in
        guard let form = entry.uint16(at: 0), form == 1, let library = entry.uint32(at: 4),
          dynamic.needed.contains(try dynamic.name(at: UInt64(library))), let versions = entry.uint32(at: 8)
        else { return false }
        try walk(file, dynamic, from: address &+ UInt64(versions), size: 16, next: 12) { entry, _ in
          guard let number = entry.uint16(at: 6), let name = entry.uint32(at: 8) else { return false }
          _ = try dynamic.name(at: UInt64(name))
          numbers.insert(number & 0x7FFF)
          return true
        }
        return true
      }
      return numbers
    }

    /// Calls a closure with each entry of a list, and its address. Each entry has the distance to the next one at
    /// `next`, 0 in the last. Throws if an entry lies outside of the file, or the closure finds it unsound.
    private func walk(
      _ file: borrowing LibraryFile, _ dynamic: ELFDynamicSegment, from start: UInt64?, size: Int, next: Int,
      _ isSound: (ByteReader, UInt64) throws -> Bool
    ) throws {
      guard var address = start else { return }
      while true {
        guard let offset = dynamic.header.location(ofAddress: address, count: UInt64(size)) else {
          throw dynamic.header.damaged("a table of versions lies outside of what is loaded")
        }
        let entry = ByteReader(file.bytes(at: offset, count: size))
        guard try isSound(entry, address), let distance = entry.uint32(at: next) else {
          throw dynamic.header.damaged("invalid table of versions")
        }
        if distance == 0 { return }
        address &+= UInt64(distance)
      }
    }
  }
#endif
