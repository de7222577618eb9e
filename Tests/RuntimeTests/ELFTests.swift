#if os(Linux)
  import Foundation
  import LossKit
  import Testing

  @testable import LossKitRuntime

  @Suite struct ELFTests {
    let workshop: PluginWorkshop

    init() throws { workshop = try PluginWorkshop() }

    func check(_ path: String) throws { try checkELF(LibraryFile(path: path)) }

    /// The toy with some of its bytes replaced.
    func patched(_ bytes: [Int: UInt8], as name: String = "libpatched.so") throws -> String {
      var content = try workshop.read(workshop.build(LossSource().text, as: "libwhole.so"))
      for (offset, byte) in bytes { content[offset] = byte }
      return try workshop.write(content, as: name)
    }

    @Test(arguments: ["sysv", "gnu", "both"])
    func theEntryIsFoundThroughEitherHashTable(style: String) throws {
      let library = try workshop.build(
        LossSource().text, as: "libtoy.so", options: ["-Wl,--hash-style=\(style)", "-s"])
      try check(library)
      // Without section headers.
      var content = try workshop.read(library)
      for offset in Array(40..<48) + Array(58..<64) { content[offset] = 0 }
      try check(workshop.write(content, as: "libheadless.so"))
    }

    @Test func whatIsNoLibraryAtAll() throws {
      let text = try workshop.write(Array("hello, this is no library at all".utf8), as: "libtext.so")
      #expect(message { try PluginLibrary.open(text) }.contains("not a shared library (no ELF header)"))
      let empty = try workshop.write([], as: "libempty.so")
      #expect(message { try PluginLibrary.open(empty) }.contains("not a shared library (no ELF header)"))
      let object = try workshop.build("int x;", as: "libobject.so", options: ["-c"])
      #expect(message { try PluginLibrary.open(object) }.contains("an ELF file of another kind"))
    }

    @Test func aTruncatedLibrary() throws {
      let content = try workshop.read(workshop.build(LossSource().text, as: "libwhole.so"))
      for count in [5, 19, 40, 63, 64, 100, 500, content.count / 4, content.count / 2] {
        let path = try workshop.write(Array(content.prefix(count)), as: "libtruncated-\(count).so")
        #expect(
          message { try PluginLibrary.open(path) }
            == "\(path): truncated: the file ends before what its header promises; copy or build it again")
      }
    }

    @Test func anotherArchitecture() throws {
      let arm = try patched([18: 183, 19: 0])
      let risc = try patched([18: 243, 19: 0], as: "librisc.so")
      let narrow = try patched([4: 1, 18: 3], as: "libnarrow.so")
      let big = try patched([5: 2, 18: 0, 19: 22], as: "libbig.so")
      #if arch(x86_64)
        #expect(
          message { try PluginLibrary.open(arm) }
            == "\(arm): built for AArch64, this machine is x86-64; build it for this machine")
        #expect(message { try PluginLibrary.open(big) }.contains("built for S/390, 64 bits, big-endian, this"))
      #endif
      #expect(message { try PluginLibrary.open(risc) }.contains("built for RISC-V, this machine is"))
      #expect(message { try PluginLibrary.open(narrow) }.contains("built for x86, 32 bits, little-endian, this"))
    }

    @Test func noEntry() throws {
      let library = try workshop.build("int nothing(void) { return 0; }", as: "libnothing.so")
      #expect(
        message { try PluginLibrary.open(library) }
          == "\(library): not a LossKit plugin: it does not export losskit_plugin_entry_v1")
      let user = try workshop.build(
        "const losskit_plugin *f(void) { return losskit_plugin_entry_v1(0, 0); }", as: "libuser.so")
      #expect(message { try PluginLibrary.open(user) }.contains("not a LossKit plugin"))
      let hidden = try workshop.build(
        "static int losskit_plugin_entry_v9(void) { return 0; } int f(void) { return losskit_plugin_entry_v9(); }",
        as: "libhidden.so")
      #expect(message { try PluginLibrary.open(hidden) }.contains("not a LossKit plugin"))
    }

    @Test func anotherVersionOfTheABI() throws {
      let source = "const void *losskit_plugin_entry_v7(const void *host, void *error) { return host ? host : error; }"
      let library = try workshop.build(source, as: "libnewer.so")
      #expect(
        message { try PluginLibrary.open(library) }
          == "\(library): made for plugin ABI 7, this is 1; build it with the header of this version")
    }

    @Test func aLibraryForBothVersionsIsTaken() throws {
      let library = try workshop.build(
        LossSource().text + "\nint losskit_plugin_entry_v2(void) { return 0; }", as: "libboth.so")
      #expect(try PluginLibrary.open(library).components.count == 1)
    }

    @Test func whatTheLoaderRefusesIsReported() throws {
      let library = try workshop.build(
        LossSource().text + "\nextern int nowhere(void); int f(void) { return nowhere(); }", as: "libunresolved.so")
      #expect(message { try PluginLibrary.open(library) }.contains("cannot be opened: "))
    }

    @Test(arguments: [32, 40, 54, 56])
    func hugeNumbersInTheHeader(offset: Int) throws {
      var bytes: [Int: UInt8] = [:]
      for index in offset..<offset + (offset < 50 ? 8 : 2) { bytes[index] = 0xFF }
      let path = try patched(bytes)
      if offset == 40 {
        try check(path)  // Section headers are ignored.
      } else {
        #expect(message { try check(path) }.hasPrefix(path))
      }
    }
  }
#endif
