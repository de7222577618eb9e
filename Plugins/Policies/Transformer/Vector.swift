/// Eight floats at a time: two registers of the baseline processor, one of a newer.
typealias Vector = SIMD8<Float>

extension Vector {
  /// The eight floats from `pointer` on.
  @inline(__always)
  init(from pointer: UnsafePointer<Float>) { self = UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self) }

  /// The eight floats from `pointer` on.
  @inline(__always)
  init(from pointer: UnsafeMutablePointer<Float>) { self.init(from: UnsafePointer(pointer)) }

  /// Writes the eight floats to `pointer`.
  @inline(__always)
  func store(to pointer: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(pointer).storeBytes(of: self, as: Vector.self)
  }
}

/// The larger of each two floats. (The standard library's `pointwiseMax` goes lane by lane.)
@inline(__always)
func larger(_ left: Vector, _ right: Vector) -> Vector { left.replacing(with: right, where: right .> left) }

/// e to the power of each float, to 2 ulp; exactly 0 below −87.3 (−∞ included), and the value at 88.3 above it. NaN stays NaN.
///
/// Cody and Waite's reduction to |r| ≤ ln 2 / 2, then the polynomial of Cephes' `expf`.
@inline(__always)
func exponential(_ x: Vector) -> Vector {
  let clamped = x.replacing(with: -87.3, where: x .< -87.3).replacing(with: 88.3, where: x .> 88.3)
  // Adding and taking away 1.5 · 2²³ rounds to the nearest whole number.
  let magic = Vector(repeating: 12_582_912)
  let shifted = clamped * 1.44269504 + magic
  let power = shifted - magic
  let r = (clamped - power * 0.693359375) - power * -2.12194440e-4
  var p = r * 1.9875691500e-4 + 1.3981999507e-3
  p = p * r + 8.3334519073e-3
  p = p * r + 4.1665795894e-2
  p = p * r + 1.6666665459e-1
  p = p * r + 5.0000001201e-1
  let mantissa = p * (r * r) + r + 1
  // The low bits of `shifted` hold the power; moved into the exponent they make 2 to that power.
  let bits = SIMD8<Int32>(truncatingIfNeeded: unsafeBitCast(shifted, to: SIMD8<UInt32>.self) &<< 23)
  let scaled = unsafeBitCast(
    unsafeBitCast(mantissa, to: SIMD8<Int32>.self) &+ bits, to: Vector.self)
  return scaled.replacing(with: 0, where: x .< -87.3).replacing(with: x, where: x .!= x)
}
