/// Values by descriptor. The kernel assigns the lowest free number, so an array has few gaps, and no number is hashed.
struct DescriptorMap<Value> {
  private var slots: [Value?] = []

  /// The number of values.
  private(set) var count = 0

  /// All values, by descriptor.
  var values: some Sequence<Value> { slots.lazy.compactMap(\.self) }

  /// The value of a descriptor; nil if there is none.
  subscript(descriptor: Int32) -> Value? {
    get { descriptor < slots.count ? slots[Int(descriptor)] : nil }
    _modify {
      let index = Int(descriptor)
      while slots.count <= index { slots.append(nil) }
      let before = slots[index] == nil ? 0 : 1
      defer { count += (slots[index] == nil ? 0 : 1) - before }
      yield &slots[index]
    }
  }
}
