import LossKit
import LossKitSystem

/// Reads what a library declares without trusting it: a field that is missing, not valid text, or too large is a
/// failure that names the library, the place and the field.
struct DescriptorReader {
  /// The library, and the part of it being read.
  let place: String

  private static let longestText = 1 << 16

  /// A reader for a part of this one's place.
  func within(_ part: String) -> DescriptorReader { DescriptorReader(place: "\(place): \(part)") }

  func failure(_ message: String) -> Failure { Failure("\(place): \(message)") }

  /// A required text.
  func text(_ pointer: UnsafePointer<CChar>?, _ field: String) throws -> String {
    guard let pointer else { throw failure("its \(field) is null; only optional texts may be") }
    let length = strnlen(pointer, Self.longestText + 1)
    guard length <= Self.longestText else { throw failure("its \(field) is longer than \(Self.longestText) bytes") }
    let bytes = UnsafeRawBufferPointer(start: pointer, count: length)
    guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("its \(field) is not UTF-8") }
    return text
  }

  /// An optional text.
  func optionalText(_ pointer: UnsafePointer<CChar>?, _ field: String) throws -> String? {
    try pointer.map { try text($0, field) }
  }

  /// A name of a component: words of lower-case letters and digits, joined by '-'.
  func componentName(_ pointer: UnsafePointer<CChar>?) throws -> String {
    let name = try text(pointer, "name")
    guard name.utf8.count <= NameRule.longest, NameRule.isComponentName(name) else {
      throw failure("'\(name.prefix(NameRule.longest))' is not a name; \(NameRule.componentRule)")
    }
    return name
  }

  /// A name of a parameter, column or state.
  func fieldName(_ pointer: UnsafePointer<CChar>?, _ kind: String) throws -> String {
    let name = try text(pointer, "\(kind)'s name")
    guard name.utf8.count <= NameRule.longest, NameRule.isFieldName(name) else {
      throw failure("'\(name.prefix(NameRule.longest))' is not a name of a \(kind); \(NameRule.fieldRule)")
    }
    return name
  }

  /// The elements of an array of pointers.
  func elements<Element>(
    _ array: UnsafePointer<UnsafePointer<Element>?>?, count: Int, _ field: String, limit: Int = 256
  ) throws -> [UnsafePointer<Element>] {
    guard count >= 0, count <= limit else {
      throw failure("it claims \(UInt(bitPattern: count)) \(field); \(limit) are the limit")
    }
    guard count > 0 else { return [] }
    guard let array else { throw failure("it claims \(count) \(field), but their array is null") }
    return try (0..<count).map { index in
      guard let element = array[index] else { throw failure("entry \(index) of its \(field) is null") }
      return element
    }
  }

  /// Throws if bits are set that this version of the ABI does not define.
  func checkFlags(_ flags: UInt32, known: Int32...) throws {
    let unknown = flags & ~known.reduce(0) { $0 | UInt32($1) }
    guard unknown == 0 else {
      throw failure("its flags hold 0x\(String(unknown, radix: 16)), which plugin ABI 1 does not define")
    }
  }

  /// Throws for a name that occurs twice.
  func checkDistinct(_ names: [String], _ kind: String) throws {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted { throw failure("it declares the \(kind) '\(name)' twice") }
  }
}
