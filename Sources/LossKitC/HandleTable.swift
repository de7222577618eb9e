import LossKit
import Synchronization

/// Maps handles to objects. A handle is never reused, so that the use of a closed one is detected.
///
/// A lookup takes no lock, so that threads that use the same handle do not wait for each other: it counts itself among the users of the
/// handle's slot, in one atomic number with the slot's generation. The last user of a closed handle releases the object.
final class HandleTable<Object: AnyObject & Sendable>: Sendable {
  /// The kinds of objects.
  enum Kind: UInt {
    case registry = 1
    case objective = 2

    var name: String { self == .registry ? "registry" : "objective" }
  }

  private struct Slot: ~Copyable {
    let state = Atomic<UInt>(0)
    /// Written while the slot is closed and has no users, read by users. Atomic only because a mutation of it would be one of the slot.
    let object = Atomic<Unmanaged<Object>?>(nil)
  }

  /// The most handles that are open at the same time. The slots take memory once they are used.
  private static var capacity: Int { 1 << 20 }

  private let kind: Kind
  /// Never moved or freed, since any thread may ask for a handle that was closed; `state` guards each slot.
  nonisolated(unsafe) private let slots = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
  /// The number of slots that were ever used.
  private let count = Atomic<Int>(0)
  /// The indices of the slots that may be used again. Only opening and ending an object takes this lock.
  private let free = Mutex<[Int]>([])

  init(_ kind: Kind) { self.kind = kind }

  /// Keeps an object until it is closed; returns its handle.
  func insert(_ object: Object) throws -> OpaquePointer? {
    try free.withLock { free in
      let used = count.load(ordering: .relaxed)
      let index = free.popLast() ?? used
      guard index < Self.capacity else { throw Failure("\(kind.name): too many are open; close some") }
      let slot = slots + index
      if index == used { slot.initialize(to: Slot()) }
      slot.pointee.object.store(.passRetained(object), ordering: .relaxed)
      let state = SlotState.opened(after: slot.pointee.state.load(ordering: .relaxed))
      slot.pointee.state.store(state, ordering: .releasing)
      if index == used { count.store(used + 1, ordering: .releasing) }
      return OpaquePointer(bitPattern: HandleBits.handle(kind.rawValue, index, SlotState.generation(of: state)))
    }
  }

  /// Calls `body` with the object of a handle, without retaining it. Throws for a closed handle, or a handle of another kind.
  func with<Result>(_ handle: OpaquePointer?, _ body: (Object) throws -> Result) throws -> Result {
    let slot = try change(handle) { $0 + SlotState.user }
    defer { leave(slot) }
    guard let object = slot.pointee.object.load(ordering: .relaxed) else { throw closed }
    return try object._withUnsafeGuaranteedRef(body)
  }

  /// The object of a handle. Throws for a closed handle, or a handle of another kind.
  func object(_ handle: OpaquePointer?) throws -> Object { try with(handle) { $0 } }

  /// Removes a handle and releases its object, which ends once nobody is using it.
  func close(_ handle: OpaquePointer?) throws { leave(try change(handle) { $0 & ~SlotState.open }) }

  /// Changes the state of an open handle's slot.
  private func change(_ handle: OpaquePointer?, _ newState: (UInt) -> UInt) throws -> UnsafeMutablePointer<Slot> {
    guard let handle else { throw Failure("\(kind.name): the handle is NULL; open one first") }
    let bits = UInt(bitPattern: handle)
    guard bits & HandleBits.kindMask == kind.rawValue else {
      let other = Kind(rawValue: bits & HandleBits.kindMask).map { "a handle of another kind (\($0.name))" }
      throw Failure(
        "\(kind.name): got \(other ?? "a number that is not a handle"); pass the handle that was opened")
    }
    let index = HandleBits.index(of: bits)
    guard index < count.load(ordering: .acquiring) else { throw closed }
    let slot = slots + index
    var state = slot.pointee.state.load(ordering: .relaxed)
    while state & SlotState.open != 0, SlotState.generation(of: state) == HandleBits.generation(of: bits) {
      let (isChanged, found) = slot.pointee.state.weakCompareExchange(
        expected: state, desired: newState(state), successOrdering: .acquiring, failureOrdering: .relaxed)
      if isChanged { return slot }
      state = found
    }
    throw closed
  }

  /// Ends the use of a slot; the table itself is a user of each open one.
  private func leave(_ slot: UnsafeMutablePointer<Slot>) {
    let state = slot.pointee.state.wrappingSubtract(SlotState.user, ordering: .acquiringAndReleasing).newValue
    guard state & (SlotState.open | SlotState.users) == 0 else { return }
    let object = slot.pointee.object.exchange(nil, ordering: .relaxed)
    free.withLock { $0.append(slot - slots) }
    // Outside the lock, since the object's end may take long.
    object?.release()
  }

  private var closed: Failure {
    Failure("\(kind.name): the handle was closed, or never opened; use an open one")
  }
}

/// The layout of a slot's state: the number of users, whether it is open, generation, from the lowest bit.
private enum SlotState {
  static let user: UInt = 1
  static let users: UInt = 1 << 24 - 1
  static let open: UInt = 1 << 24

  static func generation(of state: UInt) -> UInt { state >> 25 & HandleBits.generationMask }

  /// The state of a slot that is opened again, with the table as its one user.
  static func opened(after state: UInt) -> UInt {
    ((generation(of: state) + 1) & HandleBits.generationMask) << 25 | open | user
  }
}

/// The layout of a handle: kind, index, generation, from the lowest bit.
private enum HandleBits {
  static let kindMask: UInt = 0xF
  static let generationMask: UInt = 1 << 36 - 1
  private static let index: UInt = 24

  static func handle(_ kind: UInt, _ index: Int, _ generation: UInt) -> UInt {
    kind | UInt(index) << 4 | generation << (4 + Self.index)
  }

  static func index(of bits: UInt) -> Int { Int(bits >> 4 & (1 << index - 1)) }

  static func generation(of bits: UInt) -> UInt { bits >> (4 + index) }
}

/// The open objects of this process.
enum Handles {
  static let registries = HandleTable<HostedRegistry>(.registry)
  static let objectives = HandleTable<HostedObjective>(.objective)
}
