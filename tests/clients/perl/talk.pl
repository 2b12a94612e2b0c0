# POE::Component::Client::Bayeux against the fixture at the port that is the argument.
use strict;
use warnings;
use POE qw(Component::Client::Bayeux);

my $PATIENCE = 10;    # s
my $MESSAGES = 50;
my ($port) = @ARGV;
my (@heard, @denials);

for my $name (qw(alice bob)) {
    POE::Component::Client::Bayeux->spawn(
        Host => '127.0.0.1', Port => $port, Alias => $name, LogStdout => 0,
        ErrorCallback => sub { push @denials, $_[0]{error} },
    );
}

POE::Session->create(
    inline_states => {
        _start => sub {
            my $kernel = $_[KERNEL];
            $kernel->alias_set('talk');
            $kernel->post($_, 'init') for qw(alice bob);
            $kernel->post(alice => subscribe => '/perl/**', 'heard');
            $kernel->post(alice => publish => '/perl/ready', 1);
            $kernel->delay(late => $PATIENCE);
        },
        publish => sub {
            my ($kernel, $number) = @_[KERNEL, ARG0];
            $kernel->post(bob => publish => "/perl/$number", { number => $number });
        },
        heard => sub {
            my ($kernel, $message) = @_[KERNEL, ARG0];
            # Alice hears herself, so her subscription stands.
            return $kernel->yield(publish => 0) if $message->{channel} eq '/perl/ready';
            push @heard, "$message->{channel} $message->{data}{number}";
            return $kernel->yield(publish => scalar @heard) if @heard < $MESSAGES;
            $kernel->post(alice => subscribe => '/auth/x', 'heard');
            $kernel->delay(look => 0.1);
        },
        look => sub {
            my $kernel = $_[KERNEL];
            return $kernel->delay(look => 0.1) if !@denials;
            my @expected = map { "/perl/$_ $_" } 0 .. $MESSAGES - 1;
            die "heard: @heard\n" if "@heard" ne "@expected";
            die "denied with: @denials\n" if $denials[0] ne '403:denied_by_security_policy:subscribe_denied';
            print "POE::Component::Client::Bayeux over long-polling: $MESSAGES in order, a denial\n";
            exit 0;
        },
        late => sub { die 'Heard ' . @heard . " messages, and denials: @denials\n" },
    },
);
POE::Kernel->run;
