import LossKitLogits

/// Logits in memory, with guard bits between rows.
final class StoredLogits {
  static let gapPattern: UInt8 = 0xA5

  let type: LogitType
  let rows, columns, stride: Int
  private let memory: UnsafeMutableRawBufferPointer

  /// Rounds the rows to the type. The first element is `shift` elements past a vector-aligned address.
  init(_ values: [[Double]], as type: LogitType = .float32, gap: Int = 3, shift: Int = 0) {
    self.type = type
    rows = values.count
    columns = values.first?.count ?? 0
    stride = columns + gap
    memory = .allocate(byteCount: (rows * stride + shift) * type.size + 64, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: Self.gapPattern)
    first = shift * type.size
    for (row, values) in values.enumerated() {
      for (column, value) in values.enumerated() { self[row, column] = value }
    }
  }

  deinit { memory.deallocate() }

  private let first: Int

  var matrix: LogitMatrix {
    // The capacity must be above 0.
    let start = memory.baseAddress.map { $0 + first } ?? UnsafeMutableRawPointer(bitPattern: 64)
    return LogitMatrix(
      start ?? UnsafeMutableRawPointer(mutating: UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())),
      type: type,
      tokenCount: rows, vocabularySize: columns, rowStride: stride)
  }

  var bytes: [UInt8] { Array(memory) }

  /// The elements as doubles.
  var values: [[Double]] { (0..<rows).map { row in (0..<columns).map { self[row, $0] } } }

  /// Whether nothing was written between the rows.
  var gapsAreUntouched: Bool {
    (0..<rows).allSatisfy { row in
      let start = first + (row * stride + columns) * type.size, end = first + (row + 1) * stride * type.size
      return memory[start..<end].allSatisfy { $0 == Self.gapPattern }
    }
  }

  subscript(row: Int, column: Int) -> Double {
    get {
      let offset = first + (row * stride + column) * type.size
      switch type {
      case .float32: return Double(memory.loadUnaligned(fromByteOffset: offset, as: Float.self))
      case .float16: return half(memory.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
      case .bfloat16:
        let bits = memory.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        return Double(Float(bitPattern: UInt32(bits) << 16))
      }
    }
    set {
      let offset = first + (row * stride + column) * type.size
      switch type {
      case .float32: memory.storeBytes(of: Float(newValue), toByteOffset: offset, as: Float.self)
      case .float16: memory.storeBytes(of: halfBits(newValue), toByteOffset: offset, as: UInt16.self)
      case .bfloat16:
        let bits = Float(newValue).bitPattern
        let rounded = newValue.isFinite ? bits + 0x7fff + (bits >> 16 & 1) : bits
        memory.storeBytes(
          of: newValue.isNaN ? 0x7fc0 : UInt16(truncatingIfNeeded: rounded >> 16), toByteOffset: offset, as: UInt16.self
        )
      }
    }
  }
}

/// The value of a half-precision number, by definition; Float16 does not exist on every system.
private func half(_ bits: UInt16) -> Double {
  let sign: Double = bits >> 15 == 0 ? 1 : -1
  let exponent = Int(bits >> 10 & 31), fraction = Double(bits & 1023)
  switch exponent {
  case 0: return sign * fraction * 0x1p-24
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default: return sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
  }
}

/// The bits of the nearest half-precision number, ties to even.
private func halfBits(_ value: Double) -> UInt16 {
  if value.isNaN { return 0x7e00 }
  let sign: UInt16 = value.sign == .minus ? 0x8000 : 0, magnitude = value.magnitude
  if magnitude >= 65520 { return sign | 0x7c00 }
  if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
  let digits = UInt16((magnitude.significand * 1024).rounded(.toNearestOrEven))
  return sign | (UInt16(Int(magnitude.exponent) + 14) << 10 + digits)
}
