#if os(Linux)
  import LossKit

  /// The symbols that a shared library exports, as the dynamic loader will see them: read through the dynamic segment,
  /// since section headers may have been stripped.
  struct ELFSymbols {
    /// A symbol of the table.
    struct Symbol {
      static let wordCount = 3
      static let absolute: UInt16 = 0xFFF1, common: UInt16 = 0xFFF2
      static let function: UInt8 = 2, threadLocal: UInt8 = 6, indirect: UInt8 = 10

      let name: UInt32
      let type, binding: UInt8
      let section: UInt16
      let value: UInt64

      /// Whether other libraries can use it; it may only be imported.
      var isVisible: Bool { [1, 2, 10].contains(binding) }
      var isDefined: Bool { section != 0 }

      fileprivate init(_ words: ArraySlice<UInt64>) {
        let first = words[words.startIndex]
        name = UInt32(truncatingIfNeeded: first)
        type = UInt8(truncatingIfNeeded: first >> 32) & 0xF
        binding = UInt8(truncatingIfNeeded: first >> 36) & 0xF
        section = UInt16(truncatingIfNeeded: first >> 48)
        value = words[words.startIndex + 1]
      }
    }

    let all: [Symbol]
    private let names: [UInt8]

    /// Reads the symbols. Throws for one whose name or value lies outside of the library.
    init(_ file: borrowing LibraryFile, _ dynamic: ELFDynamicSegment) throws {
      let header = dynamic.header
      let count = try ELFHashTable(file, dynamic).count
      guard let address = dynamic[.symbols], count <= file.size / 24,
        let offset = header.location(ofAddress: address, count: UInt64(count) * 24),
        let words = file.words(at: offset, count: count * Symbol.wordCount)
      else { throw header.damaged("its table of symbols cannot be read") }
      names = dynamic.strings
      all = (0..<count).map { Symbol(words[($0 * Symbol.wordCount)...]) }
      for symbol in all where !Self.isSound(symbol, in: dynamic) {
        let name = (try? dynamic.name(at: UInt64(symbol.name))).map { "'\($0)'" } ?? "a symbol"
        throw header.damaged("\(name) lies outside of what is loaded")
      }
    }

    private static func isSound(_ symbol: Symbol, in dynamic: ELFDynamicSegment) -> Bool {
      guard symbol.name < dynamic.strings.count else { return false }
      guard symbol.isVisible, symbol.isDefined, ![Symbol.absolute, Symbol.common].contains(symbol.section) else {
        return true
      }
      switch symbol.type {
      case Symbol.function, Symbol.indirect: return dynamic.header.isExecutable(symbol.value)
      case Symbol.threadLocal:
        return dynamic.header.segments.contains {
          $0.type == ELFHeader.Segment.threadLocal && symbol.value <= $0.memorySize
        }
      // A symbol may mark an end.
      default: return dynamic.header.loaded.contains { $0.holds(symbol.value, 0) }
      }
    }

    /// The rest of the name of each defined and visible symbol that begins with `prefix`.
    func suffixes(ofNamesWithPrefix prefix: String) -> [String] {
      let prefix = Array(prefix.utf8)
      return exported.filter { names[Int($0.name)...].starts(with: prefix) }
        .map { String(name($0).utf8.dropFirst(prefix.count)) ?? "" }
    }

    /// The names of the defined and visible symbols, without inline functions and templates of C++: without
    /// optimization, compilers emit those of the standard library, as weak symbols, into every object that uses them,
    /// whatever the visibility.
    var namesBesideInlineFunctions: [String] {
      exported.filter { $0.binding == 1 || !names[Int($0.name)...].starts(with: "_Z".utf8) }.map(name)
    }

    /// The names of the defined and visible functions, also of those that are resolved when the library is opened.
    var functions: [String] {
      exported.filter { [Symbol.function, Symbol.indirect].contains($0.type) }.map(name)
    }

    /// The defined and visible symbols.
    private var exported: [Symbol] { all.filter { $0.isDefined && $0.isVisible } }

    private func name(_ symbol: Symbol) -> String {
      String(decoding: names[Int(symbol.name)...].prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  extension PluginLibrary {
    /// The symbols that a library file exports, the entry function of plugins among them; the file is not opened as a
    /// plugin. C++ inline functions and templates are left out. Throws for a file that is not a shared library for this
    /// machine.
    package static func exportedSymbols(of path: String) throws -> [String] {
      try ELFLibrary(LibraryFile(path: absolutePath(path))).symbols.namesBesideInlineFunctions
    }
  }
#endif
