#if os(Linux)
  import Foundation
  import Testing

  @testable import LossKitRuntime

  /// Another user who exchanges directories for each other, as fast as possible, while libraries are opened.
  @Suite(.enabled(if: geteuid() == 0, "only root can become another user")) struct ExchangeTests {
    static let other: uid_t = 65534

    let workshop: PluginWorkshop
    let directory: String
    let good, evil: String

    /// `DIRECTORY/plugins` is root's, `DIRECTORY/evil` the other user's, and its library leaves a trace when it is opened.
    init() throws {
      workshop = try PluginWorkshop()
      directory = try workshop.makeDirectory("of-another")
      try workshop.makeDirectory("of-another/plugins")
      try workshop.makeDirectory("of-another/evil")
      good = try workshop.build(LossSource().text, as: "of-another/plugins/libtoy.so")
      var source = LossSource()
      source.extra = """
        #include <fcntl.h>
        __attribute__((constructor)) static void trace(void) { open("\(workshop.path("trace"))", O_CREAT | O_WRONLY, 0600); }
        """
      evil = try workshop.build(source.text, as: "of-another/evil/libtoy.so")
      #expect(chown(evil, Self.other, 0) == 0 && chown(directory + "/evil", Self.other, 0) == 0)
    }

    /// Runs `body` while the other user exchanges the two directories.
    func whileExchanging(_ body: () throws -> Void) throws {
      let source = """
        #define _GNU_SOURCE
        #include <stdio.h>
        #include <fcntl.h>
        #include <unistd.h>
        #include <sys/syscall.h>
        int main(int count, char **arguments) {
          if (count != 2 || chdir(arguments[1]) || setgid(65534) || setuid(65534)) return 1;
          for (;;) {
            syscall(SYS_renameat2, AT_FDCWD, "plugins", AT_FDCWD, "evil", 2);
            for (volatile int i = 0; i < 2000; i++) ;
          }
        }
        """
      try workshop.write(Array(source.utf8), as: "exchange.c")
      let compiler = Process()
      compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      compiler.arguments = ["cc", "-o", workshop.path("exchange"), workshop.path("exchange.c")]
      try compiler.run()
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0)
      let exchange = Process()
      exchange.executableURL = URL(fileURLWithPath: workshop.path("exchange"))
      exchange.arguments = [directory]
      try exchange.run()
      defer {
        // The thread that starts a process may block SIGTERM, and the process inherits that.
        kill(exchange.processIdentifier, SIGKILL)
        exchange.waitUntilExit()
      }
      try body()
      #expect(exchange.isRunning)
    }

    @Test func theirDirectoryAboveIsRefusedEveryTime() throws {
      #expect(chown(directory, Self.other, 0) == 0)
      let path = "\(directory)/plugins"
      try whileExchanging {
        for _ in 0..<500 {
          let text = message { try PluginLibrary.open("\(path)/libtoy.so") }
          guard text.hasPrefix("\(directory): belongs to user 65534, neither root nor you") else {
            Issue.record("\(text)")
            return
          }
        }
        let registry = PluginRegistry(searchPath: try PluginSearchPath([path]))
        #expect(registry.listing.entries.isEmpty)
      }
      #expect(!FileManager.default.fileExists(atPath: workshop.path("trace")))
    }

    @Test func inAStickyDirectoryTheyExchangeNothing() throws {
      try workshop.setPermissions(0o1777, of: directory)
      let identity = try LibraryFile(path: good).identity
      try whileExchanging {
        for _ in 0..<500 {
          let found = try LibraryFile(path: good).identity
          guard found == identity else {
            Issue.record("another file was opened")
            return
          }
        }
        #expect(try PluginLibrary.open(good).components.count == 1)
      }
      #expect(!FileManager.default.fileExists(atPath: workshop.path("trace")))
    }

    @Test func aLibraryFindsOthersBesideItself() throws {
      let lib = try workshop.makeDirectory("lib")
      try workshop.build(
        "double scale(void) { return 2; }", as: "lib/libscale.so", options: ["-Wl,-soname,libscale.so"])
      var source = LossSource()
      source.extra =
        "double scale(void); __attribute__((constructor)) static void f(void) { if (scale() != 2) __builtin_trap(); }"
      try workshop.makeDirectory("plugins")
      try workshop.build(
        source.text, as: "plugins/libtoy.so",
        options: ["-Wl,-rpath,$ORIGIN/../lib", "-Wl,--no-as-needed", "\(lib)/libscale.so"])
      try FileManager.default.createSymbolicLink(atPath: workshop.path("link"), withDestinationPath: "plugins")
      #expect(try PluginLibrary.open(workshop.path("link/libtoy.so")).components.count == 1)
    }

    @Test func aLibraryThatChangesItselfWhileItIsOpenedIsRefused() throws {
      var source = LossSource()
      source.extra = """
        #include <sys/stat.h>
        __attribute__((constructor)) static void f(void) { chmod("\(workshop.path("libtoy.so"))", 0700); }
        """
      let path = try workshop.build(source.text, as: "libtoy.so")
      #expect(
        message { try PluginLibrary.open(path) }
          == "\(path): it was changed or replaced while it was opened; start the program again")
    }
  }
#endif
