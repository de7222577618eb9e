import LossKit
import Synchronization

/// Maps handles to objects. A handle is never reused, so that the use of a closed one is detected.
final class HandleTable<Object: AnyObject & Sendable>: Sendable {
  /// The kinds of objects.
  enum Kind: UInt {
    case registry = 1
    case objective = 2

    var name: String { self == .registry ? "registry" : "objective" }
  }

  private struct Slot {
    var generation: UInt = 0
    var object: Object?
  }

  private struct State {
    var slots: [Slot] = []
    var free: [Int] = []
  }

  private let kind: Kind
  private let state = Mutex(State())

  init(_ kind: Kind) { self.kind = kind }

  /// Keeps an object until it is closed; returns its handle.
  func insert(_ object: Object) throws -> OpaquePointer? {
    try state.withLock { state in
      let index = state.free.popLast() ?? state.slots.count
      guard index < 1 << HandleBits.index else { throw Failure("\(kind.name): too many are open; close some") }
      if index == state.slots.count { state.slots.append(Slot()) }
      state.slots[index].generation += 1
      state.slots[index].object = object
      return OpaquePointer(bitPattern: HandleBits.handle(kind.rawValue, index, state.slots[index].generation))
    }
  }

  /// The object of a handle. Throws for a closed handle, or a handle of another kind.
  func object(_ handle: OpaquePointer?) throws -> Object {
    try state.withLock { state in
      let index = try index(handle, in: state)
      guard let object = state.slots[index].object else { throw closed }
      return object
    }
  }

  /// Removes a handle and releases its object, which ends once nobody is using it.
  func close(_ handle: OpaquePointer?) throws {
    // Moved out of the lock, since the object must not be deallocated within it.
    let object = try state.withLock { state in
      let index = try index(handle, in: state)
      defer {
        state.slots[index].object = nil
        state.free.append(index)
      }
      return state.slots[index].object
    }
    withExtendedLifetime(object) {}
  }

  private func index(_ handle: OpaquePointer?, in state: State) throws -> Int {
    guard let handle else { throw Failure("\(kind.name): the handle is NULL; open one first") }
    let bits = UInt(bitPattern: handle)
    guard bits & HandleBits.kindMask == kind.rawValue else {
      let other = Kind(rawValue: bits & HandleBits.kindMask).map { "a handle of another kind (\($0.name))" }
      throw Failure(
        "\(kind.name): got \(other ?? "a number that is not a handle"); pass the handle that was opened")
    }
    let index = HandleBits.index(of: bits)
    guard index < state.slots.count, state.slots[index].object != nil,
      HandleBits.handle(kind.rawValue, index, state.slots[index].generation) == bits
    else { throw closed }
    return index
  }

  private var closed: Failure {
    Failure("\(kind.name): the handle was closed, or never opened; use an open one")
  }
}

/// The layout of a handle: kind, index, generation, from the lowest bit.
private enum HandleBits {
  static let kindMask: UInt = 0xF
  static let index: UInt = 24

  static func handle(_ kind: UInt, _ index: Int, _ generation: UInt) -> UInt {
    kind | UInt(index) << 4 | generation << (4 + Self.index)
  }

  static func index(of bits: UInt) -> Int { Int(bits >> 4 & (1 << index - 1)) }
}

/// The open objects of this process.
enum Handles {
  static let registries = HandleTable<HostedRegistry>(.registry)
  static let objectives = HandleTable<HostedObjective>(.objective)
}
