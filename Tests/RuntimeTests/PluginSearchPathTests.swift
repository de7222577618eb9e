import LossKitSystem
import Testing

@testable import LossKitRuntime

@Suite struct PluginSearchPathTests {
  @Test func entriesAreSeparatedByColons() throws {
    #expect(try PluginSearchPath(parsing: "/a:/b/c:").directories == ["/a", "/b/c"])
    #expect(try PluginSearchPath(parsing: "").directories == [])
  }

  @Test(arguments: ["plugins", "/a:./b", "/a:..", "~/x"])
  func relativeEntriesAreRefused(text: String) {
    #expect(message { try PluginSearchPath(parsing: text) }.contains("is not absolute"))
    #expect(message { try PluginSearchPath(text.split(separator: ":").map(String.init)) }.contains("is not absolute"))
  }

  @Test func anEmbedderHasNone() {
    #expect(PluginRegistry().searchPath == .empty)
    #expect(PluginSearchPath.empty.directories.isEmpty)
  }

  @Test func pathsAreJoinedInOrder() throws {
    #expect(try PluginSearchPath(["/a"]).appending(PluginSearchPath(["/b"])).directories == ["/a", "/b"])
  }

  @Test func theEnvironmentIsRead() async {
    await #expect(processExitsWith: .success) { () async throws in
      setenv(PluginSearchPath.environmentVariable, "/x:/y", 1)
      let set = try PluginSearchPath.fromEnvironment()
      #expect(set.directories == ["/x", "/y"])
      unsetenv(PluginSearchPath.environmentVariable)
      let unset = try PluginSearchPath.fromEnvironment()
      #expect(unset == .empty)
    }
  }
}
