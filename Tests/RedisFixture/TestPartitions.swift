import Glibc

/// Among how many partitions the runs of tests are divided, unless a test says otherwise.
public enum TestPartitions {
  /// `TEST_PARTITIONS`, or 1.
  public static let count = getenv("TEST_PARTITIONS").flatMap { Int(String(cString: $0)) } ?? 1
}
