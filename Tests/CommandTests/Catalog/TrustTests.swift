import Foundation
import Testing

/// The owners whose plugins a user other than root trusts.
@Suite(.enabled(if: geteuid() == 0 && Programs.has("setpriv"), "only root can become another user"))
struct TrustTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  /// Changes the owner of a file, or of a directory and its contents.
  private func give(_ name: String, to user: Int) throws {
    #expect(try Tool.shell("chown -R \(user) '\(place.path(name))'").status == 0)
  }

  @Test func theOwnerOfTheProgramIsTrustedAndNobodyElse() throws {
    let plugins = try place.makeDirectory("shared/lib/losskit/plugins")
    _ = try place.makeDirectory("shared/bin")
    try FileManager.default.copyItem(atPath: "\(Tool.directory())/losskit", toPath: place.path("shared/bin/losskit"))
    try place.copy("libDPO.so", to: "shared/lib/losskit/plugins/libDPO.so")
    let others = try place.makeDirectory("others")
    try place.copy("libIPO.so", to: "others/libIPO.so")
    try give("shared", to: 54322)
    try give("others", to: 54323)
    let run = try Tool.shell(
      "setpriv --reuid=54321 --regid=54321 --clear-groups '\(place.path("shared/bin/losskit"))' list --plugin-path '\(others)'"
    )
    #expect(run.status == 0 && run.output.contains("dpo") && run.output.contains("  libDPO.so  "), "\(run.error)")
    #expect(run.error.contains("not usable: \(others): belongs to user 54323, neither root nor you"), "\(run.error)")
    #expect(!run.output.contains("ipo") && !run.error.contains(plugins), "\(run.error)")
  }

  @Test func theFirstGroupOfManyUsersIsNotTheUsersOwn() throws {
    let directory = try place.makeDirectory("plugins")
    let library = try place.copy("libDPO.so", to: "plugins/libdpo-copy.so")
    #expect(chown(library, 0, 100) == 0 && chmod(library, 0o775) == 0)
    let run = try Tool.shell("setpriv --regid=100 --clear-groups $LOSSKIT list --plugin-path '\(directory)'")
    #expect(run.error.contains("\(library): group 100 can write it, and others may belong to it"), "\(run.error)")
  }
}
