#if os(Linux)
  import Foundation
  import LossKit
  import Testing

  @testable import LossKitRuntime

  /// Damaged libraries: they are refused before the system's loader, which trusts them, opens them.
  @Suite struct ELFDamageTests {
    let workshop: PluginWorkshop
    let content: [UInt8]

    init() throws {
      workshop = try PluginWorkshop()
      var source = LossSource()
      source.extra = """
        #include <stdlib.h>
        static const char *home;
        __attribute__((constructor)) static void f(void) { home = getenv("HOME"); }
        """
      content = try workshop.read(
        workshop.build(source.text, as: "libwhole.so", options: ["-Wl,--hash-style=both", "-Wl,-z,relro"]))
    }

    // MARK: One damage each

    /// What is said of the library when `change` has damaged it, without its path and the remedy.
    private func finding(after change: (inout Image) -> Void) throws -> String {
      var image = Image(bytes: content)
      change(&image)
      let path = try workshop.write(image.bytes, as: "libdamaged.so")
      do {
        try checkELF(LibraryFile(path: path))
        return "none"
      } catch {
        return "\(error)".replacing("\(path): damaged: ", with: "").replacing("; copy or build it again", with: "")
      }
    }

    @Test func theWholeLibraryIsSound() throws {
      #expect(try finding { _ in } == "none")
    }

    @Test func segments() throws {
      let data = { (flags: UInt64) in flags == 6 }
      #expect(
        try finding { $0.change(.dynamic, .address) { $0 + 1 << 20 } }
          == "its dynamic segment lies outside of what is loaded")
      #expect(try finding { $0.change(.loaded, .flags, of: data) { _ in 0 } } == "a segment cannot be read")
      #expect(
        try finding { $0.change(.loaded, .flags, of: data) { _ in 4 } } == "its dynamic segment cannot be written")
      #expect(try finding { $0.change(.loaded, .address, of: data) { $0 & 0xFFF } } == "its segments overlap")
      #expect(try finding { $0.change(.loaded, .alignment) { _ in 0x3000 } } == "a segment does not begin on a page")
      #expect(try finding { $0.change(.loaded, .memorySize) { _ in .max } } == "invalid size of a segment")
      #expect(
        try finding { $0.change(.readOnlyLater, .memorySize) { $0 + 1 << 20 } }
          == "what is to become read-only lies outside of what is loaded")
      #expect(
        try finding { $0.change(.note, .address) { $0 + 1 << 20 } }
          == "notes or tables of its functions lie outside of what is loaded")
    }

    @Test func tables() throws {
      for tag: UInt64 in [7, 23, 25, 0x6FFF_FFF0] {
        let found = try finding { $0.changeTag(tag) { $0 + 1 << 30 } }
        #expect(
          ["a table lies outside of what is loaded", "the versions of its symbols cannot be read"].contains(found),
          "\(tag): \(found)")
      }
      for tag: UInt64 in [9, 11, 20] {
        #expect(try finding { $0.changeTag(tag) { $0 + 1 } } == "invalid size of the entries of a table")
      }
      #expect(try finding { $0.renameTag(8, to: 0x7000_0000) } == "a table has no place or no size")
      #expect(try finding { $0.changeTag(12) { _ in 8 } } == "the function that sets it up lies outside of its code")
      #expect(try finding { $0.changeTag(1) { _ in 1 << 20 } } == "a name lies outside of its names")
      #expect(try finding { $0.changeTag(10) { $0 - 1 } } == "its names cannot be read")
    }

    @Test func hashTablesThatGoRoundInCircles() throws {
      // Buckets of a symbol that is followed by itself.
      #expect(
        try finding { image in
          let table = image.offset(ofTag: 4), buckets = Int(image.number(at: table, bytes: 4))
          for bucket in 0..<buckets { image.set(1, at: table + 8 + 4 * bucket, bytes: 4) }
          image.set(1, at: table + 8 + 4 * (buckets + 1), bytes: 4)
        } == "its hash table leads outside of itself")
      // A filter whose length is no power of two.
      #expect(
        try finding { image in image.set(3, at: image.offset(ofTag: 0x6FFF_FEF5) + 8, bytes: 4) }
          == "its hash table leads outside of itself")
    }

    @Test func versionsOfALibraryThatIsNotNeeded() throws {
      #expect(
        try finding { image in image.set(1, at: image.offset(ofTag: 0x6FFF_FFFE) + 4, bytes: 4) }
          == "invalid table of versions")
      #expect(
        try finding { image in image.set(0x7F, at: image.offset(ofTag: 0x6FFF_FFF0) + 2, bytes: 2) }
          == "a symbol has an unknown version")
    }

    @Test func relocations() throws {
      let relocations = Image(bytes: content).offset(ofTag: 7)
      #expect(
        try finding { $0.set(0x10, at: relocations, bytes: 8) } == "a relocation lies outside of what can be written")
      #expect(try finding { $0.set(0, at: relocations + 8, bytes: 4) } == "its relocations are out of order")
      #expect(
        try finding { $0.set($0.number(at: relocations, bytes: 8) | 1 << 40, at: relocations, bytes: 8) }
          == "a relocation lies outside of what can be written")
      // The address of a constructor.
      #expect(
        try finding { image in
          let slots = image.tag(25)..<image.tag(25) + image.tag(27)
          let first = stride(from: relocations, to: relocations + Int(image.tag(8)), by: 24)
            .first { slots.contains(image.number(at: $0, bytes: 8)) }
          if let first { image.set(8, at: first + 16, bytes: 8) }
        } == "a function that sets it up lies outside of its code")
      #expect(try finding { $0.changeTag(28) { $0 + 8 } }.hasPrefix("a function that sets it up "))
    }

    // MARK: Many

    /// The variants: changed bytes in the headers, in the dynamic segment and all over the file, parts of zeros, and
    /// beginnings of the file.
    private var variants: [(name: String, bytes: [UInt8])] {
      let image = Image(bytes: content)
      let heads = Array(16..<64 + 56 * image.count)
      let dynamic = Array(image.dynamic.offset..<image.dynamic.offset + image.dynamic.size)
      func evenly(_ parts: Int) -> [Int] { (0..<parts).map { content.count * $0 / parts } }
      var variants: [(String, [UInt8])] = []
      for (area, places) in [("head", heads), ("dynamic", dynamic), ("file", evenly(300))] {
        for (order, place) in places.enumerated() {
          var bytes = content
          bytes[place] ^= [0xFF, 0x01, 0x80, 0x40][order % 4]
          variants.append(("\(area)-\(place)", bytes))
        }
      }
      for place in evenly(60) {
        var bytes = content
        for index in place..<min(place + 64, bytes.count) { bytes[index] = 0 }
        variants.append(("zeros-\(place)", bytes))
        variants.append(("cut-\(place)", Array(content.prefix(place))))
      }
      return variants
    }

    @Test func eachOfManyIsUsedOrNamedAndNoneEndsThisProcess() throws {
      let directory = try workshop.makeDirectory("damaged")
      let variants = variants
      for (name, bytes) in variants { try workshop.write(bytes, as: "damaged/lib\(name).so") }
      let registry = PluginRegistry(
        searchPath: try PluginSearchPath([directory]), allowedDigests: nil,
        indexer: PluginIndexer(program: try BuiltPlugins.directory() + "/losskit-index"),
        indexFile: IndexFile(cacheDirectory: nil))
      let listing = registry.listing
      let told = Set(listing.entries.map(\.library) + listing.problems.map(\.path))
      #expect(variants.count > 400 && told.count == variants.count)
      // Only code and data that the loader does not read are left to a process of their own.
      let died = listing.problems.filter { $0.message.contains("when it was opened") }
      let inHeads = died.filter { $0.path.contains("/libhead-") || $0.path.contains("/libcut-") }
      #expect(inHeads.isEmpty, "\(inHeads.map(\.message))")
      #expect(died.count * 20 < variants.count, "\(died.count) of \(variants.count)")
    }
  }

  /// A library in memory, whose numbers can be changed.
  private struct Image {
    enum Kind: UInt64 { case loaded = 1, dynamic = 2, note = 4, readOnlyLater = 0x6474_E552 }
    enum Field: Int { case flags = 4, offset = 8, address = 16, fileSize = 32, memorySize = 40, alignment = 48 }

    var bytes: [UInt8]

    func number(at place: Int, bytes count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
    }

    mutating func set(_ number: UInt64, at place: Int, bytes count: Int) {
      for index in 0..<count { bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
    }

    /// How many program headers there are; they follow the file's header.
    var count: Int { Int(number(at: 56, bytes: 2)) }

    private func field(_ field: Field, of header: Int) -> UInt64 {
      number(at: 64 + 56 * header + field.rawValue, bytes: field == .flags ? 4 : 8)
    }

    private func headers(_ kind: Kind) -> [Int] {
      (0..<count).filter { number(at: 64 + 56 * $0, bytes: 4) == kind.rawValue }
    }

    var dynamic: (offset: Int, size: Int) {
      let header = headers(.dynamic)[0]
      return (Int(field(.offset, of: header)), Int(field(.fileSize, of: header)))
    }

    /// Changes a field of the first segment of a kind whose flags are wanted.
    mutating func change(
      _ kind: Kind, _ field: Field, of isWanted: (UInt64) -> Bool = { _ in true }, _ new: (UInt64) -> UInt64
    ) {
      guard let header = headers(kind).first(where: { isWanted(self.field(.flags, of: $0)) }) else { return }
      let value = new(self.field(field, of: header))
      set(value, at: 64 + 56 * header + field.rawValue, bytes: field == .flags ? 4 : 8)
    }

    private func place(ofTag tag: UInt64) -> Int? {
      stride(from: dynamic.offset, to: dynamic.offset + dynamic.size, by: 16).first { number(at: $0, bytes: 8) == tag }
    }

    func tag(_ tag: UInt64) -> UInt64 { place(ofTag: tag).map { number(at: $0 + 8, bytes: 8) } ?? 0 }

    /// Changes the value of a tag, the first of its kind.
    mutating func changeTag(_ tag: UInt64, _ new: (UInt64) -> UInt64) {
      guard let place = place(ofTag: tag) else { return }
      set(new(number(at: place + 8, bytes: 8)), at: place + 8, bytes: 8)
    }

    mutating func renameTag(_ tag: UInt64, to other: UInt64) {
      if let place = place(ofTag: tag) { set(other, at: place, bytes: 8) }
    }

    /// The offset in the file of the table that a tag leads to.
    func offset(ofTag tag: UInt64) -> Int {
      let address = self.tag(tag)
      let header = headers(.loaded).last { field(.address, of: $0) <= address } ?? 0
      return Int(address - field(.address, of: header) + field(.offset, of: header))
    }
  }
#endif
