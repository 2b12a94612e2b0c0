import { bayeux } from 'bayeux-edge';

export { ChannelTree } from 'bayeux-edge';

export default bayeux();
