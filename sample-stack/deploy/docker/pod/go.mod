module hopwatch.dev/shop/pod

go 1.26.0
