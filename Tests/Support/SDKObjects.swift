import Foundation

/// The SDK's objects that a plugin of a build links. The folders of a build hold those of removed sources, too.
package func sdkObjects(in build: String) throws -> [String] {
  let folders = ["LossKit", "CLossKit", "CLossKitKernels"].map { "/\($0).build/" }
  return try String(contentsOfFile: "\(build)/CalDPO.product/Objects.LinkFileList", encoding: .utf8)
    .split(separator: "\n").map { $0.trimmingCharacters(in: ["'"]) }
    .filter { path in folders.contains(where: path.contains) }
}
