import Testing

@testable import LossKit

/// The memory that plans keep between runs.
@Suite struct KeptMemoryTests {
  @Test func theNextRunGetsTheMemoryOfTheLastIfItSuffices() {
    let memory = KeptMemory()
    let first = memory.take(1000)
    first[999] = 1
    memory.giveBack(first)
    let second = memory.take(500)
    #expect(second == first)
    let third = memory.take(500)
    #expect(third != second)
    memory.giveBack(second)
    memory.giveBack(third)
    let larger = memory.take(2000)
    larger[1999] = 1
    memory.giveBack(larger)
    #expect(memory.take(1500) == larger)
    memory.giveBack(larger)
  }

  @Test func memoryBeyondTheLimitIsNotKept() {
    let memory = KeptMemory()
    let small = memory.take(10)
    memory.giveBack(memory.take(KeptMemory.limit + 1))
    memory.giveBack(small)
    #expect(memory.take(10) == small)
    memory.giveBack(small)
  }
}
