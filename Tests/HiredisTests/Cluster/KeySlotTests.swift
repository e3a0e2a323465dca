import Testing

@testable import Hiredis

@Suite struct KeySlotTests {
  @Test(arguments: [
    ("foo", 12_182), ("bar", 5_061), ("123456789", 0x31c3), ("", 0), ("{foo}", 12_182), ("wf:{foo}:job:{bar}", 12_182),
    ("{foo", 13_308), ("a}{foo}", 12_182), ("{}foo", 9_500), ("{}{foo}", 2_263), ("{{foo}}", 13_308),
    ("wf:{1}:leases", 9_842), ("é{é}", 10_180),
  ])
  func `A key has the slot of its hash tag, or of the whole key`(key: String, slot: Int) {
    #expect(KeySlot.of(key) == slot)
  }
}
