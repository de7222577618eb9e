import Foundation
import Testing

/// What `make install` puts into a prefix, and `make uninstall` removes.
@Suite("Installation", .serialized)
struct InstallationTests {
  @Test("Installed files are readable by everybody, whatever the umask")
  func modes() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      find "$PREFIX" -type d ! -perm 755
      find "$PREFIX" -type f \\( -name '*.so*' -o -path '*/bin/*' -o -name losskit-index \\) ! -perm 755
      find "$PREFIX" -type f ! -name '*.so*' ! -path '*/bin/*' ! -name losskit-index ! -perm 644
      """)
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
  }

  @Test("Uninstalling removes what was installed, and nothing else")
  func uninstall() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      cp -a "$PREFIX" copy
      echo mine >copy/lib/losskit/plugins/mine.losskit.json
      echo mine >copy/include/mine.h
      make -s -C "$PACKAGE" uninstall PREFIX="$PWD/copy"
      find copy ! -type d
      find copy -type d -empty
      make -s -C "$PACKAGE" uninstall PREFIX="$PWD/copy" 2>&1 || true
      """)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.prefix(2).sorted() == ["copy/include/mine.h", "copy/lib/losskit/plugins/mine.losskit.json"])
    #expect(lines.dropFirst(2).first?.contains("no installation of LossKit is recorded here") == true, "\(lines)")
  }

  @Test("Files that a newer version lacks are removed, unless another part has them")
  func update() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      tree() { "$PACKAGE/Installation/tree" "$@"; }
      mkdir -p old/lib/own new other/lib
      echo 1 >old/lib/own/gone && echo 1 >old/lib/shared && echo 1 >new/kept && echo 1 >other/lib/shared
      mkdir -m 755 prefix && tree install old prefix library && tree install other prefix command
      tree install new prefix library
      (cd prefix && find . ! -type d | sort && find . -name own)
      """)
    let files = ["./kept", "./lib/shared", "./share/losskit/installed/command", "./share/losskit/installed/library"]
    #expect(outcome.output.split(separator: "\n").map(String.init) == files, "\(outcome.output)")
  }

  @Test("The list of requirements names the system libraries that the linker needs")
  func requirements() throws {
    let prefix = try Prefix.shared.get()
    let note = try String(contentsOfFile: prefix.path + "/share/doc/losskit/REQUIREMENTS", encoding: .utf8)
    let listed = Set(note.matches(of: /(?m)^  (\S+\.so\S*)/).map { String($0.output.1) })
    let linked = try prefix.shell(
      """
      for file in "$PREFIX/bin/losskit" "$PREFIX/lib/liblosskit.so" "$PREFIX"/lib/losskit/plugins/*.so; do
        readelf -d "$file"
      done
      """)
    let needed = Set(linked.output.matches(of: /\(NEEDED\).*\[(.+)\]/).map { String($0.output.1) })
    let own = Set(try FileManager.default.contentsOfDirectory(atPath: prefix.path + "/lib/losskit"))
    #expect(needed.subtracting(own).isSubset(of: listed) && listed.isDisjoint(with: own), "\(note)")
    for name in ["libffi.so", "libmd.so", "libdnnl.so"] { #expect(listed.contains { $0.hasPrefix(name) }, "\(note)") }
  }
}
