import CLossKitKernels
import Testing

@Suite struct ScanTests {
  static let finite: [Double] = Samples.special.filter(\.isFinite)

  @Test(arguments: Array(0...40) + [255, 256, 257]) func findsTheFirst(count: Int) throws {
    let column = (0..<count).map { ScanTests.finite[$0 % ScanTests.finite.count] }
    let values = try GuardedColumn(column[...])
    #expect(losskit_first_nonfinite(values.values, count) == count)
    #expect(losskit_first_nan(values.values, count) == count)
    for index in 0..<count {
      for (wrong, isNaN) in [(Double.infinity, false), (-.infinity, false), (.nan, true), (-.nan, true)] {
        values.values[index] = wrong
        values.values[count - 1] = index == count - 1 ? wrong : .nan
        #expect(losskit_first_nonfinite(values.values, count) == index)
        #expect(losskit_first_nan(values.values, count) == (isNaN ? index : index == count - 1 ? count : count - 1))
        values.values[index] = column[index]
        values.values[count - 1] = column[count - 1]
      }
    }
  }
}
