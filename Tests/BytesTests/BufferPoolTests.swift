// The spare blocks of a loop: kept while a load needs them, given back when it has gone.

import Bytes
import Testing

@Suite struct BufferPoolTests {
    /// Uses `count` blocks of `pool` at once.
    private func use(_ count: Int, of pool: BufferPool) {
        if count == 0 { return }
        var buffer = ByteBuffer()
        pool.equip(&buffer)
        use(count - 1, of: pool)
        pool.reclaim(&buffer)
    }

    @Test func `what a storm has used is given back once nobody has needed it`() {
        let pool = BufferPool()
        use(300, of: pool)
        #expect(pool.spareBlockCount == 300)
        // The first look still sees the storm.
        #expect(pool.trim())
        #expect(pool.spareBlockCount == 300)
        #expect(!pool.trim())
        #expect(pool.spareBlockCount == BufferPool.idleLimit)
    }

    @Test func `a load that goes on keeps its blocks`() {
        let pool = BufferPool()
        use(200, of: pool)
        pool.trim()
        for _ in 1...10 {
            use(120, of: pool)
            pool.trim()
            #expect(pool.spareBlockCount == 120)
        }
    }

    @Test func `no more are kept than one turn can use`() {
        let pool = BufferPool()
        use(BufferPool.limit + 100, of: pool)
        #expect(pool.spareBlockCount == BufferPool.limit)
    }
}
