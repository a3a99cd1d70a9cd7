module gatehouse.invalid/bench-load

go 1.19
