import Workflow

extension ProgressMessage {
  /// The whole entry.
  func entry(at time: Timestamp) -> [UInt8] {
    var buffer: [UInt8] = []
    write(at: time, to: &buffer)
    return buffer
  }
}
