module bayeux-edge/tests/clients/go

go 1.24

require github.com/elastic/bayeux v1.0.5
